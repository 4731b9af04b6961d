"""One small project with two finished runs for the whole room: MLflow's database takes seconds to make."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tabi.project import load_config
from tabi.training.job import train
from tabi.workspace import Workspace
from tests.registry.governed import CLOSED, Tracked, governed, make_tracked, registered

CONFIG = """
source: csv:rows.csv
target: bought
positive: "yes"
search:
  mode: fast
  folds: 3
  space: {max_iter: [5], max_leaf_nodes: [4]}
gates:
  severity: {security: off, latency: off}
"""


@dataclass(frozen=True)
class Trained:
    """A workspace, its project and two runs that differ by their seed."""

    workspace: Workspace
    name: str
    runs: tuple[str, str]


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    root = tmp_path_factory.mktemp("registry")
    write_project(root, "shop", CONFIG)
    workspace = Workspace.find(root, {})
    runs = [train(workspace, load_config(workspace, "shop", [f"params.max_leaf_nodes={n}"])).run_id for n in (3, 5)]
    return Trained(workspace, "shop", (runs[0], runs[1]))


def write_project(root: Path, name: str, config: str) -> None:
    """A project over 300 rows of a CSV file: two numbers, two categories, missing values, a clear signal."""
    random = np.random.default_rng(0)
    rows = 300
    age, visits = random.normal(40, 12, rows).round(), random.poisson(3, rows).astype(float)
    town = random.choice(["Tokyo", "京都", "Osaka"], rows)
    signal = age / 12 + visits + 2 * (town == "京都") + random.normal(size=rows)
    frame = pd.DataFrame({"age": age, "visits": visits, "town": town, "plan": random.choice(["a", "b"], rows)})
    frame.loc[random.random(rows) < 0.1, "age"] = np.nan
    frame.loc[random.random(rows) < 0.1, "town"] = None
    frame["bought"] = np.where(signal > np.median(signal), "yes", "no")
    frame.to_csv(root / "rows.csv", index=False)
    (root / "projects" / name).mkdir(parents=True, exist_ok=True)
    (root / "projects" / name / "config.yaml").write_text(config, encoding="utf-8")


@pytest.fixture(scope="session")
def tracked(tmp_path_factory: pytest.TempPathFactory) -> Tracked:
    return make_tracked(tmp_path_factory.mktemp("tracked"))


@pytest.fixture(scope="session")
def _stocked(tmp_path_factory: pytest.TempPathFactory, tracked: Tracked) -> Path:
    root = tmp_path_factory.mktemp("stocked") / "home"
    workspace = governed(root, tracked)
    for seed in (1, 2, 3):
        registered(workspace, tracked, seed)
    return root


@pytest.fixture
def mirrored(tmp_path: Path, _stocked: Path) -> Workspace:
    """A workspace whose model has three versions, of which none was promoted."""
    home = tmp_path / "home"
    shutil.copytree(_stocked, home)
    return Workspace.find(home, {"TABI_HOME": str(home)})


@pytest.fixture
def shop(mirrored: Workspace) -> Workspace:
    """The same without a tracking server, which takes most of the time."""
    return replace(mirrored, tracking_uri=CLOSED)
