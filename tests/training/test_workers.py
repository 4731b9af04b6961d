import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import joblib
import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from tabi.errors import TrainingError
from tabi.training.fits import FitOutcome, FitTask
from tabi.training.workers import LocalWorkers

LIMIT_S = 60


@dataclass(frozen=True)
class Visit:
    """A task that tells where it was done and on how many threads a library may compute there.

    Done in this process, all but the first wait until another process has done one. `fate`: what befalls a worker.
    """

    number: int
    seen: Path
    fate: str = ""
    here: int = field(default_factory=os.getpid)

    def run(self) -> list[FitOutcome]:
        if os.getpid() != self.here:
            self.seen.touch()
            if self.fate == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            if self.fate == "refused":
                raise TrainingError("refused")
        elif self.number > 0:
            end = time.monotonic() + LIMIT_S
            while not self.seen.exists() and time.monotonic() < end:
                time.sleep(0.01)
        np.ones(1) @ np.ones(1)
        threads = max(library["num_threads"] for library in threadpool_info())
        return [FitOutcome(self.number, os.getpid(), float(threads), 0.0, 0.0, np.zeros(0))]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tabi.training.workers.WORKER_START_S", -1.0)


def run(tasks: Iterator[Visit], count: int) -> list[FitOutcome]:
    with threadpool_limits(1):
        return [batch[0] for batch in LocalWorkers(2).run(cast(Iterator[FitTask], tasks), count)]


def test_this_process_and_a_worker_share_the_tasks_on_one_thread_each_and_outcomes_keep_their_order(
    tmp_path: Path,
) -> None:
    outcomes = run((Visit(number, tmp_path / "seen") for number in range(6)), 6)
    assert [outcome.candidate for outcome in outcomes] == list(range(6))
    assert {outcome.score for outcome in outcomes} == {1.0}
    processes = {outcome.fold for outcome in outcomes}
    assert os.getpid() in processes
    assert len(processes) == 2


def test_work_that_is_shorter_than_a_worker_s_start_stays_in_this_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tabi.training.workers.WORKER_START_S", 60.0)
    (tmp_path / "seen").touch()
    outcomes = run((Visit(number, tmp_path / "seen") for number in range(4)), 4)
    assert [outcome.fold for outcome in outcomes] == [os.getpid()] * 4


def test_what_goes_wrong_in_a_worker_is_raised_here(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="refused"):
        run((Visit(number, tmp_path / "seen", "refused") for number in range(6)), 6)


def test_tasks_that_cannot_be_made_end_the_run_whoever_asked_for_them(tmp_path: Path) -> None:
    def tasks() -> Iterator[Any]:
        yield Visit(0, tmp_path / "seen")
        yield Visit(1, tmp_path / "seen")
        yield Visit(2, tmp_path / "seen")
        raise TrainingError("the preparation failed")

    with pytest.raises(TrainingError, match="the preparation failed"):
        run(tasks(), 6)


def test_a_worker_that_dies_is_told_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"a worker process failed with TerminatedWorkerError: free memory"):
        run((Visit(number, tmp_path / "seen", "killed") for number in range(6)), 6)


def test_searches_and_folds_side_by_side_take_turns(tmp_path: Path) -> None:
    """joblib takes whatever pool it finds in its place for one that it made."""
    for turn in range(2):
        outcomes = run((Visit(number, tmp_path / f"seen{turn}") for number in range(6)), 6)
        assert len({outcome.fold for outcome in outcomes}) == 2
        pool = joblib.Parallel(2, backend="loky", inner_max_num_threads=1)
        assert pool(joblib.delayed(abs)(-number) for number in range(4)) == [0, 1, 2, 3]


def test_the_next_search_takes_the_workers_over_and_makes_new_ones_for_those_that_died(tmp_path: Path) -> None:
    def helper(turn: int) -> int:
        outcomes = run((Visit(number, tmp_path / f"seen{turn}") for number in range(6)), 6)
        (found,) = {outcome.fold for outcome in outcomes} - {os.getpid()}
        return int(found)

    first = helper(0)
    assert helper(1) == first
    os.kill(first, signal.SIGKILL)
    end = time.monotonic() + LIMIT_S
    while Path(f"/proc/{first}/stat").exists() and time.monotonic() < end:
        time.sleep(0.01)
    assert helper(2) != first
