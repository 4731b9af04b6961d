"""Where the fits of a search are done: on this machine's cores, or by the workers of a Dask or Ray cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Protocol, TypeVar

from tabi.project import SearchConfig
from tabi.training.fits import FitOutcome, FitTask
from tabi.training.workers import LocalWorkers

LOCAL = "local"
Result = TypeVar("Result")


class Workers(Protocol):
    """Who does the work."""

    def run(self, tasks: Iterator[FitTask], count: int) -> Iterator[list[FitOutcome]]:
        """Outcomes of the tasks, in their order. `count`: how many fits the search has still to do, these included."""

    def later(self, work: Callable[[], Result]) -> Future[Result]:
        """Work for a worker that has no task. Where there is none it is never begun, and can be taken back."""


@contextmanager
def workers_of(config: SearchConfig) -> Iterator[Workers]:
    """The workers that `search.backend` names, until the block ends."""
    if config.backend == LOCAL:
        yield LocalWorkers(config.jobs)
        return
    from tabi.training.clusters import Address, cluster_at

    with cluster_at(Address.parse(config.backend)) as cluster:
        yield cluster
