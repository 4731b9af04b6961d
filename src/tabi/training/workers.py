"""The fits of a search on this machine: this process does them, and worker processes help where that pays."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import partial
from threading import Lock, Thread
from typing import Any, TypeVar

import joblib
from joblib.externals.loky import ProcessPoolExecutor
from threadpoolctl import threadpool_limits

from tabi.errors import TabiError, TrainingError
from tabi.training.fits import FitOutcome, FitTask

Outcomes = list[FitOutcome]
Result = TypeVar("Result")
# A worker process needs about this long to start; shorter work stays in this process.
WORKER_START_S = 2.0
# A worker that has nothing to do ends after this long.
IDLE_S = 300
# What the libraries of a worker read when they are loaded: fits side by side must not fight for the cores.
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"), "1")


class Line:
    """Tasks in a line, of which whoever is free takes the next, and their outcomes in the order of the tasks."""

    def __init__(self, tasks: Iterator[FitTask]) -> None:
        self._tasks, self._lock = tasks, Lock()
        self._outcomes: deque[Future[Outcomes]] = deque()

    def __iter__(self) -> Iterator[tuple[FitTask, Future[Outcomes]]]:
        return self

    def __next__(self) -> tuple[FitTask, Future[Outcomes]]:
        """A task, and where its outcomes are to be put. An error of making it is told to the reader too."""
        outcomes: Future[Outcomes] = Future()
        with self._lock:  # one prepares the rows of a fold for all
            try:
                task = next(self._tasks)
            except StopIteration:
                raise
            except Exception as error:
                outcomes.set_exception(error)
                self._outcomes.append(outcomes)
                raise
            self._outcomes.append(outcomes)
        return task, outcomes

    def done(self) -> Iterator[Outcomes]:
        """The next outcomes, as far as they are there."""
        while self._outcomes and self._outcomes[0].done():
            yield self._outcomes.popleft().result()

    def rest(self) -> Iterator[Outcomes]:
        """All other outcomes of the tasks that were taken, once they are there."""
        while self._outcomes:
            yield self._outcomes.popleft().result()

    def close(self) -> None:
        """Nobody takes a task any more."""
        self._tasks = iter(())


class LocalWorkers:
    """Runs tasks on `jobs` cores (-1: all): in this process, and with all but one of them in workers where that pays.

    A fit is done on one thread wherever it is done, so that it gives the same everywhere.
    """

    def __init__(self, jobs: int) -> None:
        self._jobs = joblib.effective_n_jobs(jobs)
        self._helpers = 0
        self._later: deque[tuple[Callable[[], Any], Future[Any]]] = deque()

    def run(self, tasks: Iterator[FitTask], count: int) -> Iterator[Outcomes]:
        """Outcomes of the tasks, in their order. Workers are started once the fits still to do take long enough."""
        line = Line(tasks)
        self._help(line)
        try:
            for task, outcomes in line:
                begun = time.perf_counter()
                with joblib.parallel_config("sequential"):
                    outcomes.set_result(task.run())
                count -= 1
                if not self._helpers and (time.perf_counter() - begun) * count > WORKER_START_S:
                    self._helpers = min(self._jobs, count) - 1
                    self._help(line)
                yield from line.done()
            yield from line.rest()
        except BaseException:
            self._later.clear()
            raise
        finally:
            line.close()

    def later(self, work: Callable[[], Result]) -> Future[Result]:
        """Work for a worker that finds no task left in the next line."""
        result: Future[Result] = Future()
        self._later.append((work, result))
        return result

    def _help(self, line: Line) -> None:
        for _ in range(self._helpers):
            Thread(target=self._feed, args=(line,), daemon=True).start()

    def _feed(self, line: Line) -> None:
        """Give one worker a task after the other, from when it is up."""
        try:
            pool = pool_of(self._helpers)
            pool.submit(_nothing).result()
            with threadpool_limits(1, user_api="openmp"):  # a limit of OpenMP is that of a thread
                for task, outcomes in line:
                    try:
                        outcomes.set_result(pool.submit(_alone, task.run).result())
                    except TabiError as error:
                        outcomes.set_exception(error)
                    except Exception as error:  # noqa: BLE001 - the process may have died of anything
                        outcomes.set_exception(_lost(error))
            while self._later:
                work, result = self._later.popleft()
                if result.set_running_or_notify_cancel():
                    pool.submit(_alone, work).add_done_callback(partial(_pass_on, result))
        except Exception:  # noqa: BLE001 - no worker: this process does the work; no task: its reader is told
            return


_pools: dict[int, ProcessPoolExecutor] = {}
_making = Lock()


def pool_of(helpers: int) -> ProcessPoolExecutor:
    """So many worker processes, those of the last search if they live.

    Not the pool that joblib keeps for everybody: it takes whatever it finds there for one that it made itself.
    """
    with _making:
        pool = _pools.get(helpers)
        if pool is not None and _takes_work(pool):
            return pool
        for other in _pools.values():
            other.shutdown(wait=False)
        _pools.clear()
        return _pools.setdefault(helpers, ProcessPoolExecutor(helpers, timeout=IDLE_S, env=ONE_THREAD))


def _takes_work(pool: ProcessPoolExecutor) -> bool:
    try:
        pool.submit(_nothing).result()
    except Exception:  # noqa: BLE001 - a process of it may have died of anything
        return False
    return True


def _nothing() -> None:
    """What a worker is started with: to find it, it imports this module."""


def _alone(work: Callable[[], Result]) -> Result:
    with joblib.parallel_config("sequential"):
        return work()


def _pass_on(result: Future[Any], done: Future[Any]) -> None:
    error = done.exception()
    if error is None:
        result.set_result(done.result())
    else:
        result.set_exception(error)


def _lost(error: Exception) -> TrainingError:
    """The error of a worker that could not do its task; the text of a foreign error may hold data values."""
    lost = TrainingError(f"a worker process failed with {type(error).__name__}: free memory, or use search.jobs=1")
    lost.__cause__ = error
    return lost
