from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.model_selection import ParameterGrid

from tabi.data import load_table
from tabi.errors import ConfigError
from tabi.project import SearchConfig, load_config
from tabi.project.config import ClassWeight, Mode
from tabi.training.fitting import fit_best
from tabi.training.pipelines import build_pipeline, candidate_space
from tabi.training.presets import PRESETS
from tabi.training.split import cut
from tabi.training.texts import TEXT

EVERY_PRESET = pytest.mark.parametrize("preset", sorted(set(PRESETS) - {TEXT}))


@EVERY_PRESET
@pytest.mark.parametrize("columns", [["a", "colour", "b", "other"], ["a", "b"], ["colour", "other"], ["b"]])
def test_every_preset_fits_numeric_categorical_or_both(
    preset: str, columns: list[str], mixed_rows: Any, contract_of: Any, config_of: Any
) -> None:
    X, y = mixed_rows(120)
    pipeline = build_pipeline(contract_of(X[columns]), config_of(preset=preset), {}).fit(X[columns], y)
    probability = pipeline.predict_proba(X[columns])
    assert probability.shape == (120, 2)
    assert np.isfinite(probability).all()


@EVERY_PRESET
def test_columns_without_a_value_or_with_one_value_only_are_no_obstacle(
    preset: str, mixed_rows: Any, contract_of: Any, config_of: Any
) -> None:
    X, y = mixed_rows(120)
    X = X.assign(
        empty=np.full(120, np.nan),
        blank=pd.Series(np.full(120, np.nan), dtype=object),
        same=np.ones(120),
        one=pd.Series(["k"] * 120, dtype=object),
    )
    pipeline = fit_best(contract_of(X), config_of(preset=preset), {}, X, y)
    assert np.isfinite(pipeline.predict_proba(X.assign(empty=1.0, blank="new", one=X["blank"]))).all()


@EVERY_PRESET
def test_more_categories_than_the_estimator_can_hold_still_fit(
    preset: str, mixed_rows: Any, contract_of: Any, config_of: Any
) -> None:
    X, y = mixed_rows(900)
    X = X.assign(town=pd.Series([f"town {i % 400}" for i in range(900)], dtype=object))
    pipeline = build_pipeline(contract_of(X), config_of(preset=preset), {}).fit(X, y)
    assert roc_auc_score(y, pipeline.predict_proba(X)[:, 1]) > 0.7


def test_the_project_s_params_and_class_weight_reach_the_estimator_and_a_candidate_has_the_last_word(
    mixed_rows: Any, contract_of: Any, config_of: Any
) -> None:
    X, _ = mixed_rows(20)
    config = config_of(params={"max_iter": 7, "clf__max_bins": 31}, class_weight=ClassWeight.balanced, seed=5)
    clf = build_pipeline(contract_of(X), config, {"clf__max_iter": 9}).named_steps["clf"]
    assert (clf.max_iter, clf.max_bins, clf.class_weight, clf.random_state) == (9, 31, "balanced", 5)


def test_unknown_names_are_refused_with_the_nearest_known_one(
    mixed_rows: Any, contract_of: Any, config_of: Any
) -> None:
    contract = contract_of(mixed_rows(20)[0])
    with pytest.raises(ConfigError, match="did you mean 'native'"):
        build_pipeline(contract, config_of(preset="natve"), {})
    with pytest.raises(ConfigError, match="there are native, onehot"):
        candidate_space(config_of(preset="?"))
    with pytest.raises(ConfigError, match="did you mean 'clf__learning_rate'"):
        build_pipeline(contract, config_of(params={"learning_rat": 1}), {})


@EVERY_PRESET
def test_every_candidate_of_every_space_can_be_built(
    preset: str, mixed_rows: Any, contract_of: Any, config_of: Any
) -> None:
    contract = contract_of(mixed_rows(20)[0])
    for mode in Mode:
        config = config_of(preset=preset, search=SearchConfig(mode=mode))
        (grid,) = candidate_space(config)
        for name, values in grid.items():
            for value in values:
                assert build_pipeline(contract, config, {name: value}).get_params()[name] == value


def test_a_full_search_of_the_boosted_presets_has_27_candidates(config_of: Any) -> None:
    for preset in ("native", "onehot"):
        assert len(ParameterGrid(candidate_space(config_of(preset=preset)))) == 27


def test_the_project_s_space_replaces_the_preset_s_and_fixed_parameters_are_not_searched(config_of: Any) -> None:
    config = config_of(search=SearchConfig(space={"max_depth": [2, 3]}))
    assert candidate_space(config) == [{"clf__max_depth": [2, 3]}]
    (grid,) = candidate_space(config_of(params={"max_iter": 10}))
    assert "clf__max_iter" not in grid


@pytest.mark.parametrize(
    ("space", "reason"),
    [({"C": []}, "at least one"), ({"C": 1}, "a list")],
)
def test_a_space_that_cannot_be_searched_is_refused(space: dict[str, Any], reason: str, config_of: Any) -> None:
    with pytest.raises(ConfigError, match=reason):
        candidate_space(config_of(search=SearchConfig(space=space)))


@pytest.mark.parametrize(
    ("name", "params", "auc", "acc"),
    [
        ("breast_cancer", {"clf__learning_rate": 0.05, "clf__max_depth": 4}, 0.9924, 0.9649),
        ("adult", {"clf__max_depth": 4}, 0.9253, 0.8717),
    ],
)
def test_onehot_reproduces_the_published_figures(
    name: str, params: dict[str, Any], auc: float, acc: float, workspace: Any, write_project: Any, request: Any
) -> None:
    if name == "adult":
        from dataclasses import replace

        workspace = replace(workspace, data_cache=request.getfixturevalue("openml_cache"))
        write_project(workspace.root, name, 'source: openml:adult@2\ntarget: class\npositive: ">50K"\n')
    else:
        write_project(workspace.root)
    config = load_config(workspace, name, ["preset=onehot"])
    table = load_table(workspace, config)
    rows = cut(table.y, config.split)
    pipeline = build_pipeline(table.contract, config, params).fit(table.X.iloc[rows.train], table.y[rows.train])
    probability = pipeline.predict_proba(table.X.iloc[rows.test])[:, 1]
    assert round(roc_auc_score(table.y[rows.test], probability), 4) == auc
    assert round(accuracy_score(table.y[rows.test], probability >= 0.5), 4) == acc
