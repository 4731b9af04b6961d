import math
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import ParameterGrid
from sklearn.preprocessing import OrdinalEncoder, TargetEncoder

from tabi.errors import ConfigError, TrainingError
from tabi.project import SearchConfig
from tabi.project.config import Strategy
from tabi.training.fits import shared_fits
from tabi.training.pipelines import build_pipeline
from tabi.training.plan import Plan
from tabi.training.search import plan_rungs, run_search
from tabi.training.split import nested_subsamples, stratified_folds

SPACE: dict[str, list[Any]] = {"clf__max_iter": [5, 10], "clf__learning_rate": [0.1, 0.3]}
ONE_CORE = SearchConfig(jobs=1)


class Spy(OrdinalEncoder):  # type: ignore[misc]
    """An encoder that remembers how many rows each of its fits saw."""

    seen: list[int] = []  # noqa: RUF012 - shared on purpose

    def fit(self, X: Any, y: Any = None) -> Any:
        Spy.seen.append(len(X))
        return super().fit(X, y)

    def fit_transform(self, X: Any, y: Any = None) -> Any:
        return self.fit(X, y).transform(X)


def test_preprocessing_is_fitted_on_the_training_rows_of_a_fold_only_and_once_for_all_candidates(
    mixed_rows: Any, contract_of: Any, config_of: Any
) -> None:
    X, y = mixed_rows(150)

    def build(params: Any) -> Any:
        pipeline = build_pipeline(contract_of(X), config_of(), params)
        return pipeline.set_params(prep__cat=Spy(handle_unknown="use_encoded_value", unknown_value=np.nan))

    Spy.seen.clear()
    result = run_search(build, SPACE, X, y, ONE_CORE, 0)
    assert [score.n_resources for score in result.table] == [150] * 4
    assert Spy.seen == [120] * 5


def test_a_transformer_that_knows_the_target_gains_nothing_from_noise(contract_of: Any, config_of: Any) -> None:
    """Fitted outside the folds, the target encoder below tells each row its own class and the score is near 1."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 600).astype(np.int8)
    X = pd.DataFrame({"noise": pd.Series([f"c{i}" for i in rng.integers(0, 250, 600)], dtype=object)})

    def build(params: Any) -> Any:
        encoder = TargetEncoder(smooth=0.0, cv=2)
        pipeline = build_pipeline(contract_of(X), config_of(preset="logistic"), params)
        return pipeline.set_params(prep__cat=encoder)

    result = run_search(build, {"clf__C": [1.0]}, X, y, ONE_CORE, 0)
    assert abs(result.score - 0.5) < 0.08


@settings(max_examples=30)
@given(st.integers(40, 4000), st.floats(0.005, 0.5), st.integers(2, 5), st.integers(0, 99))
def test_no_fold_of_any_rung_has_a_single_class(rows: int, share: float, folds: int, seed: int) -> None:
    y = np.zeros(rows, dtype=np.int8)
    y[: max(round(rows * share), folds)] = 1
    smallest = Plan().smallest(y, SearchConfig(folds=folds))
    rungs = plan_rungs(rows, smallest, 27, 3)
    for sample in nested_subsamples(y, [rung.rows for rung in rungs], seed):
        for train, valid in stratified_folds(y[sample], folds, seed):
            assert set(y[sample][train]) == set(y[sample][valid]) == {0, 1}


def test_the_smallest_rung_can_be_raised_but_not_lowered() -> None:
    y = np.array([0] * 900 + [1] * 100, dtype=np.int8)
    assert Plan().smallest(y, SearchConfig()) == 500
    assert Plan().smallest(y, SearchConfig(min_resources=700)) == 700
    with pytest.raises(ConfigError, match="use 500 or more"):
        Plan().smallest(y, SearchConfig(min_resources=250))
    with pytest.raises(ConfigError, match=r"search\.factor=1"):
        plan_rungs(1000, 100, 9, 1)


@given(st.integers(50, 10**6), st.floats(0.001, 1), st.integers(1, 500), st.integers(2, 5))
def test_rungs_grow_to_all_rows_while_fits_fall_by_the_factor(rows: int, part: float, fits: int, factor: int) -> None:
    smallest = max(1, round(rows * part))
    rungs = plan_rungs(rows, smallest, fits, factor)
    assert rungs[0].fits == fits
    assert rungs[-1].rows == rows
    assert all(rung.rows >= smallest for rung in rungs)
    for small, large in pairwise(rungs):
        assert large.rows > small.rows
        assert large.fits == math.ceil(fits / factor ** (rungs.index(large)))


def test_a_stage_of_a_shared_fit_is_to_the_last_digit_the_fit_of_that_many_trees(
    mixed_rows: Any, contract_of: Any, config_of: Any
) -> None:
    X, y = mixed_rows(300)
    build = partial(build_pipeline, contract_of(X), config_of())
    space: dict[str, list[Any]] = {"clf__max_iter": [10, 5, 20], "clf__max_features": [0.5, 1.0]}
    assert len(shared_fits(build, list(ParameterGrid(space)))) == 2
    result = run_search(build, space, X, y, ONE_CORE, 3)
    for train, valid in stratified_folds(y, 5, 3):
        alone = build(result.best).fit(X.iloc[train], y[train]).predict_proba(X.iloc[valid])[:, 1]
        assert np.array_equal(result.out_of_fold[valid], alone)


def test_candidates_with_early_stopping_do_not_share_a_fit(mixed_rows: Any, contract_of: Any, config_of: Any) -> None:
    X, _ = mixed_rows(20)
    build = partial(build_pipeline, contract_of(X), config_of(params={"early_stopping": True}))
    assert len(shared_fits(build, list(ParameterGrid(SPACE)))) == 4


@pytest.mark.parametrize("strategy", [Strategy.halving, Strategy.random])
@pytest.mark.parametrize("preset", ["native", "forest"])
def test_one_process_and_two_give_the_same_result_to_the_last_digit(
    preset: str, strategy: Strategy, mixed_rows: Any, contract_of: Any, config_of: Any, worker: None
) -> None:
    X, y = mixed_rows(700)
    build = partial(build_pipeline, contract_of(X), config_of(preset=preset))
    size = "clf__max_iter" if preset == "native" else "clf__n_estimators"
    space: dict[str, list[Any]] = {size: [5, 10], "clf__max_features": [0.5, 1.0], "clf__max_depth": [2, 4, None]}
    config = SearchConfig(strategy=strategy, candidates=7)
    one, two = (run_search(build, space, X, y, replace(config, jobs=jobs), 1) for jobs in (1, 2))
    if strategy is Strategy.halving:
        assert len({score.rung for score in one.table}) > 1
    else:
        assert [score.n_resources for score in one.table] == [700] * 7
    assert one.best == two.best
    assert [s.scores for s in one.table] == [s.scores for s in two.table]
    assert np.array_equal(one.out_of_fold, two.out_of_fold)


def test_of_equal_candidates_the_earlier_wins(mixed_rows: Any, contract_of: Any, config_of: Any) -> None:
    X, y = mixed_rows(150)
    build = partial(build_pipeline, contract_of(X), config_of(params={"max_iter": 3}))
    result = run_search(build, {"clf__verbose": [0, False]}, X, y, ONE_CORE, 0)
    assert result.best["clf__verbose"] is not False


def test_progress_counts_every_fit(mixed_rows: Any, contract_of: Any, config_of: Any) -> None:
    X, y = mixed_rows(150)
    steps: list[tuple[int, int, float]] = []
    build = partial(build_pipeline, contract_of(X), config_of())
    result = run_search(build, SPACE, X, y, ONE_CORE, 0, lambda *step: steps.append(step))
    assert [done for done, _, _ in steps] == list(range(1, 11))
    assert {total for _, total, _ in steps} == {10}
    assert math.isnan(steps[0][2])
    assert steps[-1][2] == max(score.mean for score in result.table)


def test_a_score_that_is_not_finite_stops_the_search_with_candidate_and_fold(
    mixed_rows: Any, contract_of: Any, config_of: Any
) -> None:
    X, y = mixed_rows(150)

    class Overflowing(LogisticRegression):  # type: ignore[misc]
        def predict_proba(self, X: Any) -> Any:
            return super().predict_proba(X) * np.nan

    def build(params: Any) -> Any:
        pipeline = build_pipeline(contract_of(X), config_of(preset="logistic"), {})
        pipeline.steps[-1] = ("clf", Overflowing())
        return pipeline.set_params(**params)

    with pytest.raises(TrainingError, match=r"'clf__C': 1\.0.*no finite score in fold 0 of the rung of 150 rows"):
        run_search(build, {"clf__C": [1.0]}, X, y, ONE_CORE, 0)


def test_a_fit_that_fails_names_candidate_and_fold_but_no_value(
    mixed_rows: Any, contract_of: Any, config_of: Any
) -> None:
    X, y = mixed_rows(150)
    build = partial(build_pipeline, contract_of(X), config_of())
    with pytest.raises(TrainingError, match=r"-1.*fold 0.*learning_rate"):
        run_search(build, {"clf__learning_rate": [-1]}, X, y, ONE_CORE, 0)

    def hostile(params: Any) -> Any:
        pipeline = build_pipeline(contract_of(X), config_of(preset="logistic"), params)
        return pipeline.set_params(prep__cat="passthrough")

    with pytest.raises(TrainingError, match=r"failed in fold 0 with ValueError") as caught:
        run_search(hostile, {"clf__C": [3.0]}, X, y, ONE_CORE, 0)
    assert "blue" not in str(caught.value)


def test_a_column_that_is_empty_in_a_fold_only_is_no_obstacle(
    mixed_rows: Any, contract_of: Any, config_of: Any
) -> None:
    X, y = mixed_rows(150)
    X = X.assign(rare=np.where(np.arange(150) == 7, 1.0, np.nan))
    build = partial(build_pipeline, contract_of(X), config_of())
    assert run_search(build, SPACE, X, y, ONE_CORE, 0).score > 0.7
