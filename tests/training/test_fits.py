import os
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_info

from tabi.training.fits import FitOutcome, FitTask, FoldData, LocalWorkers, SharedFit


class Thermometer(HistGradientBoostingClassifier):  # type: ignore[misc]
    """Gives as probability how many threads a library may use at most where it runs."""

    def predict_proba(self, X: Any) -> Any:
        threads = max(library["num_threads"] for library in threadpool_info())
        return np.full((len(X), 2), float(threads))


def tasks(count: int) -> Any:
    X, y = np.arange(40.0).reshape(-1, 1), np.array([0, 1] * 20, dtype=np.int8)
    shared = SharedFit(None, "", Thermometer(max_iter=2), {0: {}})
    return (FitTask(shared, fold, FoldData((X, y), (X, y))) for fold in range(count))


def test_workers_compute_on_one_thread_each_and_outcomes_keep_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tabi.training.fits.WORKER_START_S", -1.0)
    outcomes = [batch[0] for batch in LocalWorkers(2).run(tasks(6), 6)]
    assert [outcome.fold for outcome in outcomes] == list(range(6))
    assert [set(outcome.predicted) for outcome in outcomes[1:]] == [{1.0}] * 5


def test_work_that_is_shorter_than_a_worker_s_start_stays_in_this_process() -> None:
    here = os.getpid()
    seen: list[int] = []

    @dataclass(frozen=True)
    class Short:
        def run(self) -> list[FitOutcome]:
            seen.append(os.getpid())
            return []

    list(LocalWorkers(2).run(cast(Any, iter([Short()] * 4)), 4))
    assert seen == [here] * 4
