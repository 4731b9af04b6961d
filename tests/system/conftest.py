"""What system tests install for themselves: interpreters with packages of their own, and a browser.

In CI a test fails if that cannot be had; elsewhere it is skipped with the reason.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

from tests.system.debian import install_in_ci

if TYPE_CHECKING:
    from tests.system.engine import Engine

PLAYWRIGHT = "playwright==1.65.2"
INSTALL_LIMIT_S = 600

PythonWith = Callable[..., Path]


def give_up(reason: str) -> NoReturn:
    """End the test for lack of something."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def python_with(tmp_path_factory: pytest.TempPathFactory) -> PythonWith:
    """`python_with("kserve==0.21.0")`: an interpreter that has these packages, and nothing of ours."""
    made: dict[tuple[str, ...], Path] = {}

    def make(*packages: str) -> Path:
        if packages not in made:
            made[packages] = _environment(tmp_path_factory.mktemp("environment") / "python", packages)
        return made[packages]

    return make


def _environment(folder: Path, packages: tuple[str, ...]) -> Path:
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if uv is None:
        give_up("there is no uv")
    python = folder / "bin" / "python"
    for command in (
        ["venv", "--python", sys.executable, str(folder)],
        ["pip", "install", "--python", str(python), *packages],
    ):
        done = subprocess.run([uv, *command], capture_output=True, text=True, timeout=INSTALL_LIMIT_S, check=False)
        if done.returncode != 0:
            give_up(f"{', '.join(packages)} cannot be installed: {done.stderr[-500:]}")
    return python


@pytest.fixture(scope="session")
def playwright(python_with: PythonWith) -> Path:
    """An interpreter that has Playwright."""
    return python_with(PLAYWRIGHT)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Chromium; in CI, whose machine is bare, from Debian's packages."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        install_in_ci("chromium")
        found = shutil.which("chromium")
    if found is None:
        give_up("there is no Chromium")
    return found


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """A container engine that has the base image of our Dockerfile: one for all tests, of our own if none is there."""
    from tests.system.engine import engine_with_base

    with engine_with_base() as found:
        yield found


@pytest.fixture(scope="session")
def image(engine: Engine) -> str:
    """The id of the server's image, made by the command that a person types."""
    from tests.system.engine import server_image

    return server_image(engine)
