"""Searches on real clusters of two worker processes: Dask's, and Ray's in an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from tabi.errors import TrainingError
from tabi.training.clusters import VERSIONS, Address, cluster_at
from tabi.training.fits import FoldData
from tests.system.conftest import PythonWith

pytestmark = [pytest.mark.system, pytest.mark.beside]

SCRIPT = Path(__file__).with_name("search_script.py")
SOURCE = Path(__file__).resolve().parents[2] / "src"
RAY = "ray[client]==2.60.0"
# of the versions that are here, so that a search there is the one that is known
TRAINING = ("scikit-learn", "pandas", "numpy", "scipy", "joblib", "threadpoolctl", "hydra-core", "pandera", "pyarrow")
SERVING = ("msgspec", "onnxruntime")
LIMIT_S = 300


def searches(python: Path, backend: str, *strategies: str) -> dict[str, Any]:
    """What the script says."""
    done = subprocess.run(
        [str(python), str(SCRIPT), backend, *strategies],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def threads(data: FoldData, power: int) -> tuple[int, int, float]:
    """Which process this is, the most threads that a library may use, and the sum of the rows."""
    limits = [int(library["num_threads"]) for library in threadpool_info()]
    return os.getpid(), max(limits), float((data.train[0] ** power).sum())


@pytest.fixture(scope="module")
def dask() -> Iterator[str]:
    """A cluster that stands by itself, by its address."""
    from distributed import LocalCluster

    with LocalCluster(  # type: ignore[no-untyped-call]
        n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50
    ) as cluster:
        yield cluster.scheduler_address.replace("tcp", "dask")


def test_dask_s_workers_find_what_one_process_finds_to_the_last_digit(dask: str) -> None:
    for here, there in searches(Path(sys.executable), dask, "halving", "random", "optuna").values():
        assert here == there


def test_a_cluster_of_the_search_alone_is_started_and_ended() -> None:
    ((here, there),) = searches(Path(sys.executable), "dask://local?workers=2", "halving").values()
    assert here == there


def test_two_processes_work_on_one_thread_each_on_data_that_is_sent_once(
    dask: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    X, y = np.arange(50_000.0).reshape(-1, 1), np.zeros(50_000, dtype=np.int8)
    data = FoldData((X, y), (X, y))
    with cluster_at(Address.parse(dask)) as cluster:
        shared: list[Any] = []
        share = cluster._share

        def counted(what: Any) -> Any:
            shared.append(what)
            return share(what)

        monkeypatch.setattr(cluster, "_share", counted)
        found = list(cluster._done((threads, data, (power,)) for power in [1, 2] * 10))
        found += cluster._done(iter([(threads, data, (3,))]))
    assert shared == [data]
    assert [total for _, _, total in found] == [float((X**power).sum()) for power in [1, 2] * 10 + [3]]
    processes = {process for process, _, _ in found}
    assert len(processes) == 2
    assert os.getpid() not in processes
    assert {limit for _, limit, _ in found} == {1}


def test_workers_of_other_versions_are_refused(dask: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(VERSIONS, "scikit-learn", "0.1")
    with cluster_at(Address.parse(dask)) as cluster, pytest.raises(TrainingError, match=r"scikit-learn .* not 0\.1"):
        list(cluster._done(iter([(threads, FoldData((np.ones(1), np.ones(1)), (np.ones(1), np.ones(1))), (1,))])))


def test_ray_s_workers_find_what_one_process_finds_to_the_last_digit(python_with: PythonWith) -> None:
    python = python_with(RAY, *(f"{name}=={version(name)}" for name in (*TRAINING, *SERVING)))
    ((here, there),) = searches(python, "ray://local?workers=2", "halving").values()
    assert here == there
