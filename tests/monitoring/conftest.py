"""A workspace with a real released bundle in its store, and logs that a server could have written."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tabi.predictions import Line, PredictionLog, encode_lines
from tabi.store import Store
from tabi.workspace import Workspace

NAME = "shop"
GOLDEN = Path(__file__).parents[1] / "golden" / "format-2"


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Only its store is there, with one version of the model. Only to be read."""
    workspace = Workspace.find(tmp_path_factory.mktemp("home"), {})
    store = Store(workspace.models)
    folder = tmp_path_factory.mktemp("bundle") / NAME
    shutil.copytree(GOLDEN, folder)
    store.set_latest(NAME, store.put_bundle(folder), None)
    return workspace


@pytest.fixture
def home(shop: Workspace, tmp_path: Path) -> Workspace:
    """A workspace of its own over that store."""
    return Workspace.find(tmp_path, {"TABI_STORE": str(shop.store)})


@pytest.fixture
def version(shop: Workspace) -> str:
    """The id of the bundle."""
    pointer = Store(shop.models).latest(NAME)
    assert pointer is not None
    return pointer.id


Write = Callable[[Iterable[Line]], None]


@pytest.fixture
def write(home: Workspace) -> Write:
    """Append lines to the workspace's prediction log, as a worker does."""

    def write(lines: Iterable[Line]) -> None:
        log = PredictionLog(home.predictions, 0)
        given = list(lines)
        assert log.append(encode_lines(given), len(given))
        log.close()

    return write
