import logging
import subprocess
import sys
from dataclasses import replace
from functools import partial
from statistics import fmean, median
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import OrdinalEncoder

from tabi.project import SearchConfig
from tabi.project.config import Strategy
from tabi.training.choice import near_best
from tabi.training.fits import FitOutcome, SharedFit
from tabi.training.outcomes import Problem
from tabi.training.pipelines import build_pipeline
from tabi.training.proposals import Proposals
from tabi.training.search import SearchResult, run_search
from tabi.training.trials import FINISHED, FOLDS_SEEN, Trial

SPACE: dict[str, list[Any]] = {
    "clf__max_iter": [2, 4],
    "clf__learning_rate": [0.003, 0.03, 0.3],
    "clf__max_depth": [1, 2, None],
    "clf__max_features": [0.5, 1.0],
}
TPE = SearchConfig(strategy=Strategy.optuna, candidates=12, jobs=1)


@pytest.fixture(scope="module")
def problem(mixed_rows: Any, contract_of: Any, config_of: Any) -> Problem:
    X, y = mixed_rows(200)
    return Problem(partial(build_pipeline, contract_of(X), config_of()), [SPACE], X, y, TPE, 3)


def search(problem: Problem, **values: Any) -> SearchResult:
    config = replace(problem.config, **values)
    return run_search(problem.build, list(problem.grids), problem.X, problem.y, config, problem.seed)


@pytest.fixture(scope="module")
def found(problem: Problem) -> SearchResult:
    return search(problem)


@pytest.mark.system
def test_one_process_and_two_try_the_same_to_the_last_digit(
    problem: Problem, found: SearchResult, worker: None
) -> None:
    two = search(problem, jobs=2)
    assert [(s.params, s.scores, s.rung) for s in found.table] == [(s.params, s.scores, s.rung) for s in two.table]
    assert np.array_equal(found.out_of_fold, two.out_of_fold)
    assert found.best == two.best


def test_trials_are_new_and_those_that_lag_are_given_up_before_the_last_fold(found: SearchResult) -> None:
    assert len(found.table) == 24  # 12 fits of two candidates each
    assert len({repr(sorted(score.params.items(), key=str)) for score in found.table}) == 24
    assert {score.n_resources for score in found.table} == {200}
    given_up = [score for score in found.table if len(score.scores) < 5]
    assert given_up
    assert all(FOLDS_SEEN <= len(score.scores) == score.rung + 1 for score in given_up)
    for score in given_up:
        assert score.mean < max(fmean(s.scores[: len(score.scores)]) for s in found.last)


def test_the_winner_is_the_cheapest_within_one_standard_error_of_those_that_saw_all_folds(found: SearchResult) -> None:
    full = [score for score in found.table if len(score.scores) == 5]
    assert [s.candidate for s in found.last] == [s.candidate for s in full]
    assert found.won.cost == min(score.cost for score in near_best(full))


def test_a_space_smaller_than_the_number_of_trials_is_tried_whole_and_progress_comes_to_its_end(
    problem: Problem,
) -> None:
    steps: list[tuple[int, int, float]] = []
    space: dict[str, list[Any]] = {"clf__max_iter": [2, 3], "clf__max_depth": [1, 2, None]}
    config = replace(TPE, candidates=7)
    found = run_search(problem.build, space, problem.X, problem.y, config, 0, lambda *step: steps.append(step))
    assert len(found.table) == 6
    assert [step[0] for step in steps] == [*range(1, 16), 35]
    assert {step[1] for step in steps} == {35}
    assert steps[-1][2] == max(score.mean for score in found.last)


def test_several_grids_take_part_each_with_its_own_names(problem: Problem, contract_of: Any, config_of: Any) -> None:
    build = partial(build_pipeline, contract_of(problem.X), config_of(preset="auto"))
    grids: list[dict[str, list[Any]]] = [
        {"preset": ["logistic"], "clf__C": [0.1, 1.0]},
        {"preset": ["native"], "clf__max_iter": [2, 4], "clf__early_stopping": [False, True]},
    ]
    found = search(replace(problem, build=build, grids=grids), candidates=6)
    names = ("preset", "clf__C", "clf__early_stopping", "clf__max_iter")
    tried = {tuple(score.params.get(name) for name in names) for score in found.table}
    # with early stopping the number of trees is no stage of one fit, so each is a trial of its own
    native = {("native", None, stop, size) for stop in (False, True) for size in (2, 4)}
    assert tried == {("logistic", strength, None, None) for strength in (0.1, 1.0)} | native


def test_a_preparation_is_fitted_once_a_fold_for_all_trials(problem: Problem) -> None:
    seen: list[int] = []

    class Spy(OrdinalEncoder):  # type: ignore[misc]
        def fit_transform(self, X: Any, y: Any = None) -> Any:
            seen.append(len(X))
            return super().fit(X, y).transform(X)

    def build(params: Any) -> Any:
        return problem.build(params).set_params(prep__cat=Spy(handle_unknown="use_encoded_value", unknown_value=np.nan))

    search(replace(problem, build=build), candidates=3)
    assert seen == [160] * 5


@given(st.lists(st.lists(st.floats(0.5, 1), min_size=5, max_size=5), min_size=1, max_size=9), st.integers(1, 4))
def test_only_what_lies_below_the_median_of_enough_finished_trials_lags(table: list[list[float]], folds: int) -> None:
    def trial(scores: list[float]) -> Trial:
        outcomes = [FitOutcome(0, fold, score, 0.1, 1.0, np.empty(0)) for fold, score in enumerate(scores)]
        return Trial(cast(Any, None), cast(SharedFit, None), outcomes)

    one, *finished = map(trial, table)
    means = [fmean(other.outcomes[n].score for n in range(folds)) for other in finished]
    expected = len(finished) >= FINISHED and folds >= FOLDS_SEEN and one.mean(folds) < median(means)
    assert one.lags(finished, folds) is expected


def test_optuna_says_nothing_and_gets_its_voice_back(problem: Problem, capfd: pytest.CaptureFixture[str]) -> None:
    import optuna

    before = optuna.logging.get_verbosity()
    with Proposals(problem) as proposals:
        (proposal,) = proposals.next(1)
        proposals.tell(proposal.trial, [0.5], given_up=False)
    assert optuna.logging.get_verbosity() == before == logging.INFO
    assert capfd.readouterr() == ("", "")


def test_without_optuna_the_error_says_what_to_install() -> None:
    script = """
import sys
sys.modules["optuna"] = None
from tabi.errors import ConfigError
from tabi.project import SearchConfig
from tabi.training.outcomes import Problem
from tabi.training.proposals import Proposals
try:
    Proposals(Problem(None, [], None, None, SearchConfig(), 0))
except ConfigError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "search.strategy=optuna needs Optuna: install tabi[optuna], or choose halving\n"
