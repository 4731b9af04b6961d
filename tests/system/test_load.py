"""The load tests with the real k6, shortly: figures, thresholds, reloads, and evidence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tabi.evidence import read
from tests.serving.conftest import Harbour
from tests.serving.conftest import harbour as harbour  # noqa: PLC0414 - the store of the fast tests
from tests.system.conftest import INSTALL_LIMIT_S, give_up

pytestmark = pytest.mark.system

REPOSITORY = Path(__file__).resolve().parents[2]
# what a busy machine keeps, and what none does
SLO = """
objectives: {{availability: 0.999, error_rate: 0.001, p95_ms: {p95_ms}}}
window_days: 30
model: {{stale_days: 90, faults: 0.05}}
load:
  peak: {{rps: 50, seconds: 2}}
  steady: {{rps: 10, seconds: 4}}
"""
LIMIT_S = 180


@pytest.fixture(scope="session")
def k6() -> Path:
    """The binary of the lock."""
    command = [sys.executable, str(REPOSITORY / "scripts" / "tool.py"), "k6"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_LIMIT_S, check=False)
    if done.returncode:
        give_up(f"k6 cannot be installed: {done.stderr[-500:]}")
    return REPOSITORY / ".tools" / "k6" / "bin" / "k6"


def test_objectives_that_cannot_be_read_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "slo.yaml").write_text("window_days: 30\n")
    command = [sys.executable, "-m", "loadtest.run", "voyage", "--slo", str(tmp_path / "slo.yaml")]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("load: slo.yaml cannot be used")
    assert done.stderr.count("\n") == 1


Run = Callable[[float], subprocess.CompletedProcess[str]]


@pytest.fixture
def run(k6: Path, harbour: Harbour, tmp_path: Path) -> Run:
    """`python -m loadtest.run` in a workspace of its own, with a p95 that must be kept."""

    def made(p95_ms: float) -> subprocess.CompletedProcess[str]:
        (tmp_path / "slo.yaml").write_text(SLO.format(p95_ms=p95_ms))
        command = [sys.executable, "-m", "loadtest.run", "voyage", "--k6", str(k6), "--slo", str(tmp_path / "slo.yaml")]
        command += ["--reloads", "3", "--evidence", str(tmp_path / "pages")]
        environ = {**os.environ, "TABI_HOME": str(tmp_path), "TABI_STORE": str(harbour.store.root)}
        return subprocess.run(
            command, cwd=REPOSITORY, env=environ, capture_output=True, text=True, timeout=LIMIT_S, check=False
        )

    return made


def test_a_run_measures_both_scenarios_with_both_numbers_of_workers(run: Run, tmp_path: Path) -> None:
    done = run(5000)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((tmp_path / "pages" / "load.json").read_bytes())
    found = [(trial["scenario"], trial["workers"]) for trial in report["trials"]]
    assert found == [("peak", 1), ("steady", 1), ("peak", 2), ("steady", 2)]
    for trial in report["trials"]:
        measured = trial["measured"]
        # a rate that does not wait for answers: as many leave as were asked for
        assert measured["requests"] + measured["dropped"] == pytest.approx(
            trial["load"]["rps"] * trial["load"]["seconds"], abs=2
        )
        assert measured["failed"] == 0
        assert 0 < measured["p50_ms"] <= measured["p90_ms"] <= measured["p95_ms"] <= measured["max_ms"]
    assert 1 <= len(report["reloads"]["switch_ms"]) <= 3
    assert report["reloads"]["measured"]["failed"] == 0
    assert (tmp_path / "pages" / "load.md").read_text() in done.stdout + "\n"
    (record,) = read(tmp_path / "evidence", "load")
    assert (record.subject, record.verdict) == ("voyage", "pass")


def test_an_objective_that_is_broken_is_told_and_ends_with_1(run: Run, tmp_path: Path) -> None:
    done = run(0.001)
    page = tmp_path / "pages" / "load.md"
    assert (done.returncode, page.exists()) == (1, True), done.stderr
    assert "**broken**" in page.read_text()
    (record,) = read(tmp_path / "evidence", "load")
    assert record.verdict == "fail"
