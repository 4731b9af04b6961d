"""The benchmark of serving runs, and its figures are those of servers that answer what the pipeline answers."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.system

REPOSITORY = Path(__file__).resolve().parents[2]
OURS, THEIRS = "tabi, portfolio's pipeline", "FastAPI + joblib"


def test_ours_and_the_server_that_everybody_writes_side_by_side(tmp_path: Path, openml_cache: Path) -> None:
    shutil.copytree(REPOSITORY / "projects" / "adult", tmp_path / "projects" / "adult")
    command = [sys.executable, "-m", "benchmarks.serving", "--rounds", "1", "--seconds", "1"]
    done = subprocess.run(
        [*command, "--only", OURS, "--only", THEIRS],
        cwd=REPOSITORY,
        env={**os.environ, "TABI_HOME": str(tmp_path), "TABI_DATA_CACHE": str(openml_cache)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    ours, theirs = (
        [row.split(" | ") for row in re.findall(rf"^\| {re.escape(name)} \| (.*) \|$", done.stdout, re.MULTILINE)]
        for name in (OURS, THEIRS)
    )
    speed, quality, _ = ours
    assert float(speed[1].replace(",", "")) > 0
    assert quality[4] == theirs[1][4] == "0", "a server answered with errors"
    assert float(quality[5]) < 1e-9
