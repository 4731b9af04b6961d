"""Run a suite of tests and leave what came of it as evidence: `scripts/tests.py unit|coverage|system [OPTION …]`.

`unit` is everything that `make test` runs; `coverage` is the same and measures how much of the code it reaches, which
takes two thirds more of the processor; `system` is the slow rest. The record of kind `tests` says which commit was
tested and how many tests passed, failed and were skipped. Other options go to pytest. The exit code is pytest's, or
that of the coverage report.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from tabi.evidence import Record, append
from tabi.training.environment import commit_of, environment_lock, lock_digest
from tabi.workspace import Workspace

ROOT = Path(__file__).resolve().parents[1]
COVERAGE = (sys.executable, "-m", "coverage")
PYTEST = ("-m", "pytest")
# a file's tests stay together, as what they share takes longest
TWO_AT_ONCE = ("-n", "2", "--dist", "loadfile")
SLOW = ("--durations=40", "-m")
UNIT = (*TWO_AT_ONCE, "tests")
SUITES: dict[str, tuple[tuple[str, ...], ...]] = {
    "unit": (UNIT,),
    "coverage": (UNIT,),
    # engines, browsers and what measures run alone
    "system": (
        ("tests/system", *SLOW, "system and not beside", "-s"),
        ("tests/system", *SLOW, "system and beside", *TWO_AT_ONCE),
        ("tests", "--ignore=tests/system", *SLOW, "system", *TWO_AT_ONCE),
    ),
}
# of pytest, where nothing is marked so
NO_TESTS = 5


def main() -> int:
    """Run the suite that the command line names."""
    if len(sys.argv) < 2 or sys.argv[1] not in SUITES:
        sys.exit(f"usage: tests.py {'|'.join(SUITES)} [OPTION …]")
    suite, options = sys.argv[1], sys.argv[2:]
    # before the tests: they take minutes, and somebody may commit meanwhile
    commit = commit_of(ROOT)
    with tempfile.TemporaryDirectory(prefix="tabi-tests-") as scratch:
        reports = [Path(scratch) / f"junit{part}.xml" for part in range(len(SUITES[suite]))]
        code, coverage = 0, None
        for report, chosen in zip(reports, SUITES[suite], strict=True):
            command = [*PYTEST, *chosen, f"--junitxml={report}", *options]
            if suite == "coverage":
                code, coverage = run_covered(command, Path(scratch) / "coverage.json")
            else:
                ended = run([sys.executable, *command])
                code = code or (0 if ended == NO_TESTS else ended)
        # without a report pytest could not even begin
        figures: dict[str, Any] = counts_of([report for report in reports if report.exists()])
    figures |= {"coverage": coverage, "exit_code": code, "ci": bool(os.environ.get("CI"))}
    record = Record(
        kind="tests",
        subject="unit" if suite == "coverage" else suite,
        verdict="fail" if code else "pass",
        inputs={
            "git_commit": commit.sha,
            "git_dirty": str(commit.dirty).lower(),
            "environment": lock_digest(environment_lock()),
        },
        figures=figures,
    )
    append(Workspace.find(ROOT).evidence, record)
    return code


def run_covered(command: list[str], report: Path) -> tuple[int, float | None]:
    """Run the tests under coverage; the exit code, and the share of the code that they reached, in percent."""
    run([*COVERAGE, "erase"])
    code = run([*COVERAGE, "run", *command])
    run([*COVERAGE, "combine", "--quiet"])
    # the report fails where less is reached than pyproject.toml asks for
    too_little = run([*COVERAGE, "report"])
    run([*COVERAGE, "json", "--quiet", "--fail-under=0", "-o", str(report)])
    share = json.loads(report.read_bytes())["totals"]["percent_covered"] if report.exists() else None
    return code or too_little, share


def run(command: list[str]) -> int:
    """The exit code of a command; its output is shown."""
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def counts_of(reports: list[Path]) -> dict[str, Any]:
    """How many tests of JUnit reports ended in which way, and the seconds that they took."""
    # pytest's own files, of a moment ago
    suites = [suite for report in reports for suite in ElementTree.parse(report).getroot().iter("testsuite")]  # noqa: S314
    found = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
    seconds = 0.0
    for suite in suites:
        for name in found:
            found[name] += int(suite.get(name, 0))
        seconds += float(suite.get("time", 0))
    failed = found["failures"] + found["errors"]
    passed = found["tests"] - failed - found["skipped"]
    return {"passed": passed, "failed": failed, "skipped": found["skipped"], "seconds": round(seconds, 1)}


if __name__ == "__main__":
    sys.exit(main())
