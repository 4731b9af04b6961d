"""The workers of a Dask or Ray cluster, through joblib's backend for it.

The rows of a fold are sent once, not once a task. Each fit runs on one thread with the seeds that the search gave it,
and workers whose libraries are of other versions are refused, so the result is that of one machine to the last digit.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple, TypeVar
from urllib.parse import parse_qs, urlsplit
from weakref import WeakKeyDictionary

import joblib
import numpy as np
import scipy
import sklearn
from threadpoolctl import threadpool_limits

from tabi.errors import ConfigError, TabiError, TrainingError
from tabi.training.fits import FitOutcome, FitTask, FoldData, SharedFit

LOCAL = "local"
# how long an address may take to answer, and a cluster to have a worker
CONNECT_S, READY_S = 5.0, 30.0
FORMS = "local, dask://HOST:PORT, ray://HOST:PORT, dask://local?workers=2 or ray://local?workers=2"
VERSIONS = {"numpy": np.__version__, "scipy": scipy.__version__, "scikit-learn": sklearn.__version__}
Result = TypeVar("Result")


class Address(NamedTuple):
    """A cluster: of which kind, and where. `workers`: how many to start for a cluster of this search alone."""

    kind: str
    host: str
    port: int
    workers: int

    @classmethod
    def parse(cls, backend: str) -> Address:
        """Read `search.backend`; `ConfigError` if it says no cluster."""
        error = ConfigError(f"search.backend={backend}: give {FORMS}")
        try:
            parts = urlsplit(backend)
            kind, host, port = parts.scheme, parts.hostname or "", parts.port or 0
            workers = int(parse_qs(parts.query).get("workers", ["0"])[0])
        except ValueError:
            raise error from None
        if kind not in CLUSTERS or parts.path or not host or (workers if host == LOCAL else port) < 1:
            raise error
        return cls(kind, host, port, workers)

    def __str__(self) -> str:
        return f"{self.kind}://{self.host}" + (f":{self.port}" if self.port else "")


class Cluster:
    """Does work through a joblib backend. `share` puts data where every worker can `fetch` it."""

    def __init__(
        self,
        address: Address,
        pool: Callable[[], joblib.Parallel],
        share: Callable[[Any], Any],
        fetch: Callable[[Any], Any],
    ) -> None:
        self._address, self._pool, self._share, self._fetch = address, pool, share, fetch
        self._handles: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()

    def run(self, tasks: Iterator[FitTask], count: int) -> Iterator[list[FitOutcome]]:  # noqa: ARG002 - of no use here
        """Outcomes of the tasks, in their order."""
        yield from self._done((_fit, task.data, (task.shared, task.fold)) for task in tasks)

    def later(self, work: Callable[[], Result]) -> Future[Result]:  # noqa: ARG002 - it is never begun
        """Nothing: all rows are not sent to a cluster for one fit."""
        return Future()

    def _done(self, calls: Iterator[tuple[Callable[..., Any], Any, tuple[Any, ...]]]) -> Iterator[Any]:
        work = joblib.delayed(_there)
        # a list: joblib draws from an iterator under a lock that Dask's loop waits for, and sharing waits for the loop
        jobs = [work(VERSIONS, self._fetch, function, self._handle(data), item) for function, data, item in calls]
        try:
            yield from self._pool()(jobs)
        except TabiError:
            raise
        except Exception as error:  # the text of a foreign error may hold data values, so only its name is told
            raise TrainingError(
                f"the workers of {self._address} failed with {type(error).__name__}: look at their logs"
            ) from error

    def _handle(self, data: Any) -> Any:
        if data not in self._handles:
            self._handles[data] = self._share(data)
        return self._handles[data]


@contextmanager
def cluster_at(address: Address) -> Iterator[Cluster]:
    """The cluster of this address, or one started here; until the block ends.

    Raises `ConfigError` where its library is not installed, and `TrainingError` where it does not answer.
    """
    if address.host != LOCAL:
        _refuse_silent(address)
    with CLUSTERS[address.kind](address) as cluster:
        yield cluster


def _refuse_silent(address: Address) -> None:
    try:
        socket.create_connection((address.host, address.port), CONNECT_S).close()
    except OSError as error:
        raise _no_answer(address) from error


def _no_answer(address: Address) -> TrainingError:
    return TrainingError(f"search.backend={address} does not answer: start the cluster, or mend the address")


def _not_installed(kind: str) -> ConfigError:
    return ConfigError(f"search.backend={kind}://… needs tabi[{kind}]: install it, or use search.backend=local")


@contextmanager
def _dask(address: Address) -> Iterator[Cluster]:
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise _not_installed("dask") from error
    with ExitStack() as stack:
        place: Any = f"tcp://{address.host}:{address.port}"
        if address.host == LOCAL:
            place = LocalCluster(  # type: ignore[no-untyped-call]
                n_workers=address.workers, threads_per_worker=1, dashboard_address=None, silence_logs=logging.ERROR
            )
            stack.enter_context(place)
        else:
            _shake_hands(address, place)
        try:
            client = Client(place, timeout=CONNECT_S, set_as_default=False)  # type: ignore[no-untyped-call]
            stack.enter_context(client)
            client.wait_for_workers(1, READY_S)
        except OSError as error:  # it is what a time that is up raises too
            raise _no_answer(address) from error

        def pool() -> joblib.Parallel:
            with joblib.parallel_config("dask", client=client):
                return joblib.Parallel(return_as="generator", pre_dispatch="all", batch_size=1)

        def share(data: Any) -> Any:
            return client.scatter(data, broadcast=True, hash=False)  # type: ignore[no-untyped-call]

        yield Cluster(address, pool, share, _as_it_is)


def _shake_hands(address: Address, place: str) -> None:
    """A client of Dask waits for ever for the greeting of what is no scheduler; so this is done first, in time."""
    from distributed.comm.core import connect

    async def greet() -> None:
        comm = await asyncio.wait_for(connect(place, timeout=CONNECT_S), CONNECT_S)  # type: ignore[no-untyped-call]
        comm.abort()

    try:
        asyncio.run(greet())
    except Exception as error:
        raise _no_answer(address) from error


@contextmanager
def _ray(address: Address) -> Iterator[Cluster]:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
        from ray.util.joblib import register_ray
    except ImportError as error:
        raise _not_installed("ray") from error
    silent = {"logging_level": logging.ERROR, "log_to_driver": False}
    try:
        with warnings.catch_warnings():  # of what the error below says
            warnings.simplefilter("ignore")
            if address.host == LOCAL:
                # by its name: without one Ray would join a cluster that it finds on this machine
                ray.init("local", num_cpus=address.workers, include_dashboard=False, **silent)
            else:
                ray.init(str(address), **silent)
    except (OSError, RuntimeError) as error:
        raise _no_answer(address) from error
    register_ray()

    def pool() -> joblib.Parallel:
        with joblib.parallel_config("ray", n_jobs=-1):
            return joblib.Parallel(pre_dispatch="all", batch_size=1)

    try:
        yield Cluster(address, pool, ray.put, _from_ray)
    finally:
        ray.shutdown()


CLUSTERS = {"dask": _dask, "ray": _ray}


def _there(
    versions: dict[str, str],
    fetch: Callable[[Any], Any],
    function: Callable[..., Result],
    handle: Any,
    item: tuple[Any, ...],
) -> Result:
    """What a worker does: all on one thread, and nothing through the cluster again."""
    for name, version in VERSIONS.items():
        if version != versions[name]:
            raise TrainingError(f"a worker has {name} {version}, not {versions[name]}: give all the same environment")
    with threadpool_limits(1), joblib.parallel_config("sequential"):
        return function(fetch(handle), *item)


def _fit(data: FoldData, shared: SharedFit, fold: int) -> list[FitOutcome]:
    return FitTask(shared, fold, data).run()


def _as_it_is(handle: Any) -> Any:
    """Dask gives a task what its argument stands for."""
    return handle


def _from_ray(handle: Any) -> Any:
    import ray

    return ray.get(handle)
