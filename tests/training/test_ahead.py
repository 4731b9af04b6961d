from concurrent.futures import Future
from functools import partial
from typing import Any

import numpy as np
import pytest
from sklearn.model_selection import ParameterGrid

from tabi.errors import TrainingError
from tabi.project import SearchConfig
from tabi.training.ahead import Ahead
from tabi.training.fits import shared_fits
from tabi.training.fitting import fit_best
from tabi.training.outcomes import Problem
from tabi.training.pipelines import build_pipeline
from tabi.training.search import run_search
from tabi.training.workers import LocalWorkers


class AtOnce(LocalWorkers):
    """Does here and now what is left to later."""

    def later(self, work: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_running_or_notify_cancel()
        done.set_result(work())
        return done


@pytest.fixture
def problem(mixed_rows: Any, contract_of: Any, config_of: Any) -> Any:
    def make(preset: str, size: str) -> Problem:
        X, y = mixed_rows(300)
        build = partial(build_pipeline, contract_of(X), config_of(preset=preset))
        return Problem(build, [{size: [5, 10, 20], "clf__max_features": [0.5]}], X, y, SearchConfig(jobs=2), 1)

    return make


def ahead_of(problem: Problem) -> tuple[Ahead, list[dict[str, Any]]]:
    candidates = [dict(params) for params in ParameterGrid(list(problem.grids))]
    (shared,) = shared_fits(problem.build, candidates)
    return Ahead.of(problem, shared, AtOnce(1)), candidates


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_winner_read_off_the_largest_fit_is_to_the_last_digit_its_own_fit(problem: Any, number: int) -> None:
    given = problem("native", "clf__max_iter")
    ahead, candidates = ahead_of(given)
    found, alone = ahead.pipeline(candidates[number]), given.build(candidates[number]).fit(given.X, given.y)
    assert found is not None
    assert found.get_params()["clf__max_iter"] == found[-1].n_iter_ == candidates[number]["clf__max_iter"]
    assert np.array_equal(found.predict_proba(given.X), alone.predict_proba(given.X))
    assert repr(found) == repr(alone)


def test_of_a_forest_the_largest_alone_is_there(problem: Any) -> None:
    given = problem("forest", "clf__n_estimators")
    ahead, candidates = ahead_of(given)
    found, alone = ahead.pipeline(candidates[2]), given.build(candidates[2]).fit(given.X, given.y)
    assert found is not None
    assert np.array_equal(found.predict_proba(given.X), alone.predict_proba(given.X))
    assert ahead.pipeline(candidates[0]) is None
    assert ahead.pipeline({"clf__n_estimators": 7}) is None


def test_a_worker_without_a_task_begins_and_the_winner_is_as_if_it_had_not(
    problem: Any, contract_of: Any, config_of: Any, worker: None
) -> None:
    given = problem("native", "clf__max_iter")
    found = run_search(given.build, list(given.grids), given.X, given.y, given.config, 1, ahead=True)
    assert found.ahead is not None
    found.ahead.fit.result(60)
    contract, config = contract_of(given.X), config_of()
    pipelines = [fit_best(contract, config, found.best, given.X, given.y, ahead=a) for a in (found.ahead, None)]
    assert pipelines[0] is found.ahead.fit.result()
    one, two = (pipeline.predict_proba(given.X) for pipeline in pipelines)
    assert np.array_equal(one, two)


def test_what_nobody_began_or_what_failed_is_fitted_afterwards(problem: Any, contract_of: Any, config_of: Any) -> None:
    given = problem("native", "clf__max_iter")
    found = run_search(given.build, list(given.grids), given.X, given.y, SearchConfig(jobs=1), 1, ahead=True)
    assert found.ahead is not None
    assert found.ahead.pipeline(found.best) is None
    failed: Future[Any] = Future()
    failed.set_exception(TrainingError("no memory"))
    ahead = Ahead(found.ahead.shared, failed)
    pipeline = fit_best(contract_of(given.X), config_of(), found.best, given.X, given.y, ahead=ahead)
    assert pipeline[-1].n_iter_ == found.best["clf__max_iter"]
