"""Presets by task: which there are, that each learns and is read off as it would be alone, and who is refused."""

from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import r2_score
from sklearn.tree import DecisionTreeRegressor

from tabi.contract import Contract, Target
from tabi.errors import ConfigError
from tabi.project import SearchConfig
from tabi.project.config import Mode
from tabi.training.catalog import known_presets, presets_of
from tabi.training.cost import serving_cost, serving_costs
from tabi.training.fitting import fit_best
from tabi.training.pipelines import build_pipeline, candidate_space
from tabi.training.plan import Plan
from tabi.training.presets import COMPOSED
from tabi.training.search import run_search
from tabi.training.stages import stage_parameter, stage_predictions
from tabi.training.tasks import TASKS

NUMBER = Target("target", (), task="regression")
THREE = Target("target", ("a", "b", "c"), task="multiclass")
SMALL: dict[str, dict[str, Any]] = {
    "native": {"clf__max_iter": 20},
    "onehot": {"clf__max_iter": 20},
    "forest": {"clf__n_estimators": 10},
    "extra_trees": {"clf__n_estimators": 10},
    "gradient_boosting": {"clf__n_estimators": 20},
    "vote": {"clf__forest__clf__n_estimators": 10, "clf__gradient_boosting__clf__n_estimators": 10},
    "stack": {"clf__forest__clf__n_estimators": 10, "clf__gradient_boosting__clf__n_estimators": 10},
}


def of(contract: Contract, target: Target) -> Contract:
    return msgspec.structs.replace(contract, target=target)


@pytest.mark.parametrize("preset", [*presets_of("regression"), *COMPOSED])
def test_every_preset_of_numbers_learns_from_mixed_columns(
    preset: str, mixed_rows: Any, contract_of: Any, config_of: Any
) -> None:
    X, group = mixed_rows(400)
    y = 5000.0 + 1000.0 * (2 * group + np.nan_to_num(X["b"].to_numpy()))
    contract, config = of(contract_of(X), NUMBER), config_of(preset=preset)
    if preset in COMPOSED:
        config = replace(config, members=["forest", "gradient_boosting", "ridge"])
    pipeline = fit_best(contract, config, SMALL.get(preset, {}), X, y, Plan(TASKS["regression"]))
    assert r2_score(y, pipeline.predict(X)) > 0.5
    assert np.isfinite(serving_cost(pipeline[-1]))


# `text` needs a column of its own and is tried in test_texts
@pytest.mark.parametrize("preset", [*(name for name in presets_of("multiclass") if name != "text"), "vote"])
def test_every_preset_of_classes_tells_three_of_them(
    preset: str, mixed_rows: Any, contract_of: Any, config_of: Any
) -> None:
    X, group = mixed_rows(400)
    y = (group + (X["b"].to_numpy() > 0)).astype(np.int64)
    contract, config = of(contract_of(X), THREE), config_of(preset=preset)
    if preset in COMPOSED:
        config = replace(config, members=["forest", "gradient_boosting", "logistic"])
    task = TASKS["multiclass"]
    pipeline = fit_best(contract, config, SMALL.get(preset, {}), X, y, Plan(task))
    predicted = task.predict(pipeline, X)
    assert predicted.shape == (400, 3)
    assert task.score(y, predicted) > 0.75
    assert np.isfinite(serving_cost(pipeline[-1]))


def test_a_preset_that_does_not_fit_the_task_is_refused_with_those_that_do(
    mixed_rows: Any, contract_of: Any, config_of: Any
) -> None:
    contract = contract_of(mixed_rows(20)[0])
    with pytest.raises(ConfigError, match=r"'logistic' does not fit a regression target; there are native.*ridge"):
        build_pipeline(of(contract, NUMBER), config_of(preset="logistic"), {})
    for task, target in (("binary", contract.target), ("multiclass", THREE)):
        with pytest.raises(ConfigError, match=rf"'ridge' does not fit a {task} target; there are native.*logistic"):
            build_pipeline(of(contract, target), config_of(preset="ridge"), {})
    with pytest.raises(ConfigError, match="'logistic' does not fit"):
        candidate_space(config_of(preset="vote", members=["logistic", "native"]), "regression")
    with pytest.raises(ConfigError, match="'logistic' does not fit"):
        candidate_space(config_of(preset="auto", search=SearchConfig(presets=["logistic"])), "regression")
    with pytest.raises(ConfigError, match="did you mean 'ridge'"):
        candidate_space(config_of(preset="rigde"), "regression")


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_what_auto_and_vote_join_by_default_fits_the_task(
    task: Any, mixed_rows: Any, contract_of: Any, config_of: Any
) -> None:
    contract = contract_of(mixed_rows(20)[0])
    contract = of(contract, {"binary": contract.target, "multiclass": THREE, "regression": NUMBER}[task])
    assert set(known_presets(task)) >= {"native", "stack", "vote", "auto", "own"}
    for mode in Mode:
        config = config_of(preset="auto", search=SearchConfig(mode=mode))
        grids = candidate_space(config, task)
        assert ("ridge" if task == "regression" else "logistic") in [grid["preset"][0] for grid in grids]
        for grid in grids:
            build_pipeline(contract, config, {name: values[0] for name, values in grid.items()})
        for preset in COMPOSED:
            (grid,) = candidate_space(config_of(preset=preset, search=SearchConfig(mode=mode)), task)
            build_pipeline(contract, config_of(preset=preset), {name: values[-1] for name, values in grid.items()})


X = np.random.default_rng(0).normal(size=(120, 4))
VALUE = X[:, 0] + np.random.default_rng(1).normal(size=120)
CLASS = np.digitize(VALUE, [-0.7, 0.7])
TREE, LINE = DecisionTreeRegressor(max_depth=3, random_state=0), Ridge()
STAGED: list[tuple[Any, Any, list[Any]]] = [
    (HistGradientBoostingRegressor(max_iter=9, early_stopping=False, max_features=0.5, random_state=1), VALUE, [2, 9]),
    (GradientBoostingRegressor(n_estimators=9, subsample=0.7, random_state=1), VALUE, [2, 9]),
    (RandomForestRegressor(9, random_state=1), VALUE, [2, 9]),
    (ExtraTreesRegressor(9, random_state=1), VALUE, [2, 9]),
    (VotingRegressor([("a", TREE), ("b", LINE)]), VALUE, [[1, 1], [2, 1], [1, 3]]),
    (HistGradientBoostingClassifier(max_iter=9, early_stopping=False, random_state=1), CLASS, [2, 9]),
    (GradientBoostingClassifier(n_estimators=9, subsample=0.7, random_state=1), CLASS, [2, 9]),
    (RandomForestClassifier(9, random_state=1), CLASS, [2, 9]),
    (VotingClassifier([("a", LogisticRegression())], voting="soft"), CLASS, [[1], [3]]),
]


@pytest.mark.parametrize(("clf", "y", "values"), STAGED, ids=lambda value: type(value).__name__)
def test_what_is_read_off_one_fit_is_to_the_last_digit_what_a_fit_alone_gives(
    clf: Any, y: Any, values: list[Any]
) -> None:
    task = TASKS["regression" if y is VALUE else "multiclass"]
    stage = stage_parameter(clf)
    assert stage is not None
    fitted = clone(clf).fit(X, y)
    costs = serving_costs(fitted, stage, values)
    for value, predicted, cost in zip(values, stage_predictions(task, fitted, X, values), costs, strict=True):
        alone = clone(clf).set_params(**{stage: value}).fit(X, y)
        assert np.array_equal(predicted, task.predict(alone, X))
        assert cost == pytest.approx(serving_cost(alone))


def test_a_round_of_a_tree_for_each_class_costs_all_of_them() -> None:
    options: dict[str, Any] = {"max_iter": 9, "early_stopping": False, "max_depth": 2, "random_state": 0}
    three = HistGradientBoostingClassifier(**options).fit(X, CLASS)
    two = HistGradientBoostingClassifier(**options).fit(X, CLASS > 0)
    assert 2 < serving_cost(three) / serving_cost(two) < 4
    assert serving_costs(three, "max_iter", [9]) == pytest.approx([serving_cost(three)])


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_one_process_and_two_find_the_same_to_the_last_digit(
    task: Any, mixed_rows: Any, contract_of: Any, config_of: Any, worker: None
) -> None:
    rows, group = mixed_rows(800)
    third = np.nan_to_num(rows["b"].to_numpy())
    y = group + (third > 0).astype(np.int64) if task == "multiclass" else group + third
    contract = of(contract_of(rows), THREE if task == "multiclass" else NUMBER)
    space: dict[str, list[Any]] = {
        "clf__max_iter": [5, 10],
        "clf__max_features": [0.5, 1.0],
        "clf__max_depth": [2, 4, None],
    }

    def found(jobs: int) -> Any:
        config = SearchConfig(jobs=jobs)
        build = lambda params: build_pipeline(contract, config_of(), params)  # noqa: E731
        return run_search(build, space, rows, y, config, 1, plan=Plan(TASKS[task]))

    one, two = found(1), found(2)
    assert len({score.rung for score in one.table}) > 1
    assert [s.scores for s in one.table] == [s.scores for s in two.table]
    assert one.out_of_fold.shape == ((800, 3) if task == "multiclass" else (800,))
    assert np.array_equal(one.out_of_fold, two.out_of_fold)
    assert TASKS[task].score(y, one.out_of_fold) > 0.6


@pytest.mark.parametrize("loss", ["absolute_error", "quantile", "poisson"])
def test_the_loss_of_boosting_is_a_parameter(loss: str, mixed_rows: Any, contract_of: Any, config_of: Any) -> None:
    rows, group = mixed_rows(200)
    y = group + rows["b"].abs().to_numpy()
    params: dict[str, Any] = {"loss": loss, "max_iter": 20, **({"quantile": 0.9} if loss == "quantile" else {})}
    config = config_of(params=params)
    pipeline = fit_best(of(contract_of(rows), NUMBER), config, {}, rows, y, Plan(TASKS["regression"]))
    share = float(np.mean(y <= pipeline.predict(rows)))
    assert share > 0.8 if loss == "quantile" else 0.2 < share < 0.8
