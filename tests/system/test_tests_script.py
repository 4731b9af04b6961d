"""scripts/tests.py: what came of a suite is evidence, read from pytest's own report."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tabi.evidence import read

pytestmark = pytest.mark.system

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "tests.py"
SUITE = """
import pytest

def test_good(): pass
def test_bad(): assert 1 == 2
@pytest.mark.skip(reason="no need")
def test_left_out(): pass
"""


def test_counts_commit_and_verdict_are_kept(tmp_path: Path) -> None:
    """The script runs in a repository of its own, whose suite has one test of each kind."""
    for folder in ("scripts", "tests/system"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "scripts" / "tests.py").write_text(SCRIPT.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "tests" / "system" / "test_some.py").write_text(SUITE.replace("\ndef", "\n@pytest.mark.system\ndef"))
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = system\n")
    (tmp_path / ".gitignore").write_text("/evidence/\n")
    git = ("git", "-C", str(tmp_path), "-c", "user.name=t", "-c", "user.email=t@example.org")
    for words in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "one")):
        subprocess.run([*git, *words], check=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("TABI_", "CI"))}
    command = [sys.executable, str(tmp_path / "scripts" / "tests.py"), "system", "-p", "no:cacheprovider"]
    done = subprocess.run(command, env={**environment, "CI": "1"}, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    (record,) = read(tmp_path / "evidence")
    assert (record.kind, record.subject, record.verdict) == ("tests", "system", "fail")
    counted = {name: record.figures[name] for name in ("passed", "failed", "skipped", "exit_code", "ci")}
    assert counted == {"passed": 1, "failed": 1, "skipped": 1, "exit_code": 1, "ci": True}, json.dumps(counted)
    head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    assert (record.inputs["git_commit"], record.inputs["git_dirty"]) == (head, "false")
