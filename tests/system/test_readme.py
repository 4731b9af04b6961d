"""From a bare clone, every shell block of the README, in its order, as a newcomer would type it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
CACHE = REPOSITORY.parent / "shared" / "data"
OPENML = "needs OpenML"
# .ci/run sets the variable when it has itself run that block in a bare clone a moment ago
TESTS, TESTED = "make test\n", "TABI_TESTED"
LIMIT_S = 1500


def blocks(name: str) -> list[str]:
    """The shell blocks of a README."""
    text = (REPOSITORY / name).read_text(encoding="utf-8")
    return re.findall(r"```sh\n(.*?)```", text, flags=re.DOTALL)


def clean_environment() -> dict[str, str]:
    """The machine's variables without what this project's own environment or tests set."""
    dropped = ("TABI_", "COVERAGE", "COV_", "PYTEST", "VIRTUAL_ENV", "MAKE", "MFLAGS")
    return {key: value for key, value in os.environ.items() if not key.startswith(dropped)}


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What is committed, in an empty folder; the working tree's changes are not in it."""
    target = tmp_path_factory.mktemp("newcomer") / "tabi"
    subprocess.run(["git", "clone", "--quiet", str(REPOSITORY), str(target)], check=True)
    yield target
    # a block that failed may have left a server
    subprocess.run(["pkill", "--full", str(target)], check=False)


@pytest.mark.system
@pytest.mark.timeout(4 * LIMIT_S)
def test_every_shell_block_works_in_its_order_from_a_bare_clone(clone: Path) -> None:
    assert shutil.which("make"), "make is needed, as the README says"
    environment = clean_environment()
    if CACHE.is_dir():
        environment["TABI_DATA_CACHE"] = str(CACHE)
    ran = 0
    for block in blocks("README.md"):
        if OPENML in block and not CACHE.is_dir() and not os.environ.get("TABI_TEST_OPENML"):
            continue
        if block == TESTS and os.environ.get(TESTED):
            continue
        began = time.monotonic()
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block],
            cwd=clone,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        print(f"{time.monotonic() - began:.0f} s for:\n{block}", flush=True)
        assert done.returncode == 0, f"this block failed:\n{block}\n{done.stdout[-6000:]}"
        ran += 1
    assert ran >= 4
    left = subprocess.run(["pgrep", "-f", f"{clone}/.venv"], capture_output=True, text=True, check=False)
    assert left.stdout == "", "a process was left behind"
