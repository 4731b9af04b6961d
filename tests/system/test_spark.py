"""The same bundle on a real local Spark, equal to `tabi score` to the last bit."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tabi.score import Options, score_files
from tests.score.conftest import some_rows, write
from tests.serving.conftest import Harbour
from tests.serving.conftest import harbour as harbour  # noqa: PLC0414 - the same store serves both rooms' tests
from tests.system.conftest import INSTALL_LIMIT_S, PythonWith, give_up
from tests.system.debian import install_in_ci

pytestmark = [pytest.mark.system, pytest.mark.beside]

SCRIPT = Path(__file__).with_name("spark_script.py")
REPOSITORY = SCRIPT.parents[2]
ROWS = 3000
NAMES = ("voyage", "linear", "strict")
RUN_LIMIT_S = 300


@pytest.fixture(scope="module")
def java() -> str:
    """Java; in CI, whose machine is bare, from Debian's packages."""
    if shutil.which("java") is None:
        install_in_ci("openjdk-17-jre-headless")
    found = shutil.which("java")
    if found is None:
        give_up("there is no Java")
    return found


def hostile(count: int) -> list[dict[str, Any]]:
    """Rows of which some have missing values, unknown categories, or numbers that leave no answer."""
    rows = some_rows(count)
    for index in range(0, count, 50):
        rows[index] |= {"city": "Edo", "fare": 1e308, "age": 1e308}
    return rows


@pytest.mark.timeout(INSTALL_LIMIT_S + RUN_LIMIT_S)
def test_spark_answers_as_tabi_score_does(harbour: Harbour, python_with: PythonWith, java: str, tmp_path: Path) -> None:
    assert java
    python = python_with(f"{REPOSITORY}[spark]")
    rows = write(tmp_path / "rows.parquet", hostile(ROWS))
    # Spark's workers take the interpreter and the package from where the driver has them
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYSPARK_PYTHON": str(python)}
    done = subprocess.run(
        [python, SCRIPT, rows, tmp_path / "scored", *(harbour.path(name) for name in NAMES)],
        capture_output=True,
        text=True,
        timeout=RUN_LIMIT_S,
        check=False,
        env=environment,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told == {"partitions": 4, "refused": "the frame has no column 'nothing': choose other keys"}
    for place, name in enumerate(NAMES):
        expected = tmp_path / f"{name}.parquet"
        score_files(harbour.path(name), rows, expected, Options(jobs=1))
        refused = compare(by_id(tmp_path / "scored" / str(place)), by_id(expected))
        # a linear model overflows, and a strict one refuses
        assert (refused > 0) == (name != "voyage")


def by_id(path: Path) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in pq.read_table(path).to_pylist()}


def compare(found: dict[str, dict[str, Any]], expected: dict[str, dict[str, Any]]) -> int:
    """Every row is there, and what is answered is the same to the last bit; how many rows have no answer."""
    assert len(found) == ROWS
    answered = {identity: row for identity, row in found.items() if not row["problems"]}
    assert set(answered) == set(expected)
    for identity, row in answered.items():
        same = expected[identity]
        assert row["probability"].hex() == same["probability"].hex()
        for column in ("label", "version", "warnings"):
            assert row[column] == same[column]
    refused = [row for row in found.values() if row["problems"]]
    assert all(row["label"] is None and row["probability"] is None for row in refused)
    return len(refused)
