"""One small project that is trained once for all tests that only read; tables and configurations made on the spot."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from tabi.contract import CategoricalColumn, Column, Contract, NumericColumn, Target
from tabi.project import ProjectConfig, load_config
from tabi.training import workers
from tabi.training.job import TrainedRun, train
from tabi.workspace import Workspace

FAST = ("search.mode=fast", "search.space={max_iter: [5, 10], learning_rate: [0.1, 0.3]}", "search.jobs=1")
BREAST_CANCER = "source: builtin:breast_cancer\ntarget: target\npositive: malignant\n"


@dataclass(frozen=True)
class Trained:
    workspace: Workspace
    config: ProjectConfig
    run: TrainedRun
    again: TrainedRun


def _write_project(root: Path, name: str = "breast_cancer", text: str = BREAST_CANCER) -> None:
    folder = root / "projects" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(text, encoding="utf-8")


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    """Many short fits: more threads than one would wait for each other."""
    with threadpool_limits(1):
        yield


@pytest.fixture
def write_project() -> Callable[..., None]:
    return _write_project


@pytest.fixture(scope="session")
def fast() -> tuple[str, ...]:
    """Overrides under which a training takes about two seconds."""
    return FAST


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """breast_cancer, trained twice in the same way. Read only."""
    workspace = Workspace.find(tmp_path_factory.mktemp("trained"), environ={})
    _write_project(workspace.root)
    config = load_config(workspace, "breast_cancer", FAST)
    return Trained(workspace, config, train(workspace, config), train(workspace, config))


@pytest.fixture(scope="session")
def contract_of() -> Callable[[pd.DataFrame], Contract]:
    """A contract of a frame's columns: object columns are categorical."""

    def make(X: pd.DataFrame) -> Contract:
        columns: list[Column] = [
            CategoricalColumn(name, tuple(sorted(X[name].dropna().unique())))
            if X[name].dtype == object
            else NumericColumn(name)
            for name in X.columns
        ]
        return Contract("t", tuple(columns), Target("target", ("no", "yes")))

    return make


@pytest.fixture(scope="session")
def config_of() -> Callable[..., ProjectConfig]:
    """A project's configuration with some values set."""

    def make(**values: Any) -> ProjectConfig:
        return ProjectConfig(name="t", source="csv:t.csv", target="target", **values)

    return make


@pytest.fixture(scope="session")
def mixed_rows() -> Callable[..., tuple[pd.DataFrame, npt.NDArray[np.int8]]]:
    """Two numeric and two categorical columns with missing values; the first of each kind tells of the class."""

    def make(rows: int, share: float = 0.4, seed: int = 0) -> tuple[pd.DataFrame, npt.NDArray[np.int8]]:
        rng = np.random.default_rng(seed)
        y = (rng.random(rows) < share).astype(np.int8)
        a = y + rng.normal(size=rows)
        a[rng.random(rows) < 0.1] = np.nan
        colour = np.where(rng.random(rows) < 0.3 + 0.4 * y, "red", "blue").astype(object)
        colour[rng.random(rows) < 0.1] = np.nan
        other = rng.choice(np.array(["x", "y", "z"], dtype=object), rows)
        return pd.DataFrame({"a": a, "colour": colour, "b": rng.normal(size=rows), "other": other}), y

    return make


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """One worker process is up, and searches let it help from their second fit on."""
    monkeypatch.setattr(workers, "WORKER_START_S", -1.0)
    workers.pool_of(1).submit(workers._nothing).result()
