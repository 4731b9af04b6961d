"""The page of the routes works in a real browser, under its own policy, and asks nobody but its server."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

from tests.serving.conftest import Harbour, harbour, serving

__all__ = ["harbour"]

pytestmark = pytest.mark.system

PLAYWRIGHT = "playwright==1.65.2"
INSTALL_LIMIT_S = 300
SCRIPT = Path(__file__).with_name("docs_script.py")


def give_up(reason: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter that has Playwright."""
    folder = tmp_path_factory.mktemp("playwright") / "environment"
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if uv is None:
        give_up("there is no uv")
    made = folder / "bin" / "python"
    for command in (
        ["venv", "--python", sys.executable, str(folder)],
        ["pip", "install", "--python", str(made), PLAYWRIGHT],
    ):
        done = subprocess.run([uv, *command], capture_output=True, text=True, timeout=INSTALL_LIMIT_S, check=False)
        if done.returncode != 0:
            give_up(f"{PLAYWRIGHT} cannot be installed: {done.stderr[-500:]}")
    return made


def browser() -> str:
    """Chromium; in CI, whose machine is bare, from Debian's packages."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None and os.environ.get("CI") and shutil.which("apt-get"):
        for command in (["apt-get", "update"], ["apt-get", "install", "--yes", "--no-install-recommends", "chromium"]):
            subprocess.run(command, capture_output=True, timeout=2 * INSTALL_LIMIT_S, check=False)
        found = shutil.which("chromium")
    if found is None:
        give_up("there is no Chromium")
    return found


def test_a_prediction_is_made_on_the_page(python: Path, harbour: Harbour) -> None:
    chromium = browser()
    with serving(harbour.store.root, "voyage") as server:
        url = f"http://{server.host}:{server.port}"
        done = subprocess.run(
            [str(python), str(SCRIPT), chromium, url], capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    # what a policy forbids, or a script that fails, is said on the console
    assert found["said"] == []
    assert found["output"].startswith("200")
    assert all(each.startswith(f"{url}/") for each in found["asked"])
