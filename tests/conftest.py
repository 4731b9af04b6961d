"""What every room's tests may use: an empty workspace, and the OpenML files where they lie beside the repository."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

from tabi.workspace import Workspace

# a busy machine is no fault of the code
settings.register_profile("tabi", deadline=None)
settings.load_profile("tabi")

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """An empty workspace in a folder of its own, with no TABI_ variable set."""
    for variable in [name for name in os.environ if name.startswith("TABI_")]:
        monkeypatch.delenv(variable)
    (tmp_path / "projects").mkdir()
    return Workspace.find(tmp_path)


@pytest.fixture(scope="session")
def openml_cache() -> Path:
    """A folder for TABI_DATA_CACHE that holds adult@2 and credit-g@1."""
    cache = REPOSITORY.parent / "shared" / "data"
    if not (cache / "openml").is_dir():
        pytest.skip("there are no OpenML files in ../shared/data")
    return cache
