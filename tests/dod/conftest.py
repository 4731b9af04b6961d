"""A project that went the whole road once: fetched, trained, released. Each test takes a copy of its workspace."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tabi.data import fetch
from tabi.dod import Judged, Report, evaluate
from tabi.project import load_config
from tabi.registry.release import release
from tabi.training.job import train
from tabi.workspace import Workspace
from tests.registry.conftest import write_project

NAME = "shop"
CONFIG = """
source: csv:rows.csv
target: bought
positive: "yes"
search:
  mode: fast
  folds: 3
  space: {max_iter: [5, 6], max_leaf_nodes: [4]}
fairness:
  sensitive: [plan]
  least_rows: 10
  least_positives: 5
  demographic_parity: {fail: 0.9}
card:
  intended_use: 店の広告を送るかどうかの目安。
gates:
  severity: {latency: off, security: off}
"""
IDENTITY = ("-c", "user.name=t", "-c", "user.email=t@example.org")


def git(root: Path, *arguments: str) -> str:
    """Run git in the workspace."""
    done = subprocess.run(["git", "-C", str(root), *IDENTITY, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture(scope="session")
def road(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workspace's folder, a repository of one commit, with the first bundle of the project."""
    root = tmp_path_factory.mktemp("dod")
    write_project(root, NAME, CONFIG)
    (root / ".gitignore").write_text("/store/\n/tracking/\n/evidence/\n/artifacts/\n/logs/\n/state/\n")
    git(root, "init", "--quiet")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "a project")
    workspace = Workspace.find(root, {})
    config = load_config(workspace, NAME)
    fetch(workspace, config)
    train(workspace, config)
    release(workspace, NAME)
    return root


@pytest.fixture
def home(road: Path, tmp_path: Path) -> Workspace:
    """A copy of the workspace; what MLflow keeps stays where it is, for it knows its artifacts by their full path."""
    for name in ("evidence", "store", "projects", ".git", "state"):
        if (road / name).exists():
            shutil.copytree(road / name, tmp_path / "home" / name)
    for name in (".gitignore", "rows.csv"):
        shutil.copy(road / name, tmp_path / "home" / name)
    return Workspace.find(tmp_path / "home", {"TABI_TRACKING_URI": f"sqlite:///{road}/tracking/mlflow.db"})


Ask = Callable[[Workspace], dict[str, Judged]]


@pytest.fixture
def ask() -> Ask:
    """The conditions of the project by their key."""
    return lambda workspace: by_key(evaluate(workspace, NAME))


def by_key(report: Report) -> dict[str, Judged]:
    return {each.key: each for each in report.conditions}
