import os
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tabi.errors import ConfigError
from tabi.project import SearchConfig
from tabi.training.own import own_pipeline, own_space
from tabi.training.pipelines import build_pipeline, candidate_space
from tabi.training.search import run_search

GOOD = """
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

SPACE = {"C": [0.1, 1.0], "fill__strategy": ["mean", "median"]}


class Narrow(LogisticRegression):
    pass


def build(contract):
    numeric = [c.name for c in contract.numeric]
    return Pipeline([
        ("take", ColumnTransformer([("num", "passthrough", numeric)])),
        ("fill", SimpleImputer()),
        ("model", Narrow()),
    ])
"""


def test_an_own_pipeline_is_searched_over_every_step_with_one_process_and_two_alike(
    mixed_rows: Any, contract_of: Any, config_of: Any, worker: None
) -> None:
    X, y = mixed_rows(200)
    config = config_of(preset="own", code=GOOD, seed=7)
    build = partial(build_pipeline, contract_of(X), config)
    assert candidate_space(config) == [{"C": [0.1, 1.0], "fill__strategy": ["mean", "median"]}]
    assert build({"C": 0.3}).get_params()["model__C"] == 0.3
    assert build({}).get_params()["model__random_state"] == 7
    one, two = (run_search(build, candidate_space(config), X, y, SearchConfig(jobs=jobs), 1) for jobs in (1, 2))
    assert len(one.last) == 4
    assert one.score > 0.7
    assert [s.scores for s in one.table] == [s.scores for s in two.table]
    assert np.array_equal(one.out_of_fold, two.out_of_fold)


def test_the_project_s_params_are_not_searched_and_its_space_goes_over_the_code_s(config_of: Any) -> None:
    assert candidate_space(config_of(preset="own", code=GOOD, params={"C": 2.0})) == [
        {"fill__strategy": ["mean", "median"]}
    ]
    config = config_of(preset="own", code=GOOD, search=SearchConfig(space={"C": [3.0]}))
    assert candidate_space(config) == [{"C": [3.0]}]


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("x = 1", r"pipeline\.py has no function build\(contract\)"),
        ("def build(contract:\n", r"pipeline\.py is not valid Python at line 1"),
        ("import nothing_of_the_kind", r"pipeline\.py failed with ModuleNotFoundError at line 1"),
        ("def build(contract):\n    return 1 / 0", r"build\(contract\) failed with ZeroDivisionError at line 2"),
        ("def build(contract):\n    return None", r"returned NoneType: return a scikit-learn Pipeline"),
        (
            "from sklearn.pipeline import Pipeline\ndef build(contract):\n    return Pipeline([('a', 'passthrough')])",
            "the last step of the pipeline is str",
        ),
        (
            "from sklearn import pipeline, svm\ndef build(c):\n    return pipeline.Pipeline([('a', svm.LinearSVC())])",
            "LinearSVC gives no probabilities",
        ),
    ],
)
def test_what_is_wrong_with_the_code_is_told_in_one_line(
    code: str, told: str, mixed_rows: Any, contract_of: Any
) -> None:
    with pytest.raises(ConfigError, match=told) as caught:
        own_pipeline(contract_of(mixed_rows(20)[0]), code)
    assert os.linesep not in str(caught.value)


@pytest.mark.parametrize("space", ["[1]", "{'C': 1}", "{'C': []}"])
def test_a_space_that_is_none_is_refused(space: str) -> None:
    with pytest.raises(ConfigError, match="SPACE must be a dict"):
        own_space(f"SPACE = {space}")


def test_the_example_of_the_documentation_is_searched_and_keeps_its_encoder_inside_the_folds(
    mixed_rows: Any, contract_of: Any, config_of: Any
) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "training.md").read_text(encoding="utf-8")
    code = page.split("```python\n")[1].split("```")[0]
    X, y = mixed_rows(150)
    config = config_of(preset="own", code=code, params={"n_estimators": 5})
    build = partial(build_pipeline, contract_of(X), config)
    found = run_search(build, candidate_space(config), X, y, SearchConfig(jobs=1), 1)
    assert {score.params["columns__category__smooth"] for score in found.last} == {"auto", 10.0}
    assert found.score > 0.6
