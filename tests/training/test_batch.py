"""Real processes: a batch is started as a user's shell would start it, and things happen to it."""

import io
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tabi import evidence
from tabi.errors import NotFoundError
from tabi.training.batch import Limits, run_batch
from tabi.training.report import batch_state, report_table
from tabi.workspace import Workspace

# slow: real trainings, processes and kills
pytestmark = pytest.mark.system

BATCH = """
import sys
from tabi.training.batch import Limits, run_batch
from tabi.workspace import Workspace
sys.exit(run_batch(Workspace.find(), sys.argv[2].split(","), limits=Limits(float(sys.argv[1]), 1.0)))
"""

SLOW = """
source: builtin:breast_cancer
target: target
positive: malignant
search: {{jobs: 1, space: {{max_iter: [{trees}]}}}}
"""
QUICK, ENDLESS = SLOW.format(trees=5), SLOW.format(trees=100_000)


def start(workspace: Workspace, names: str, limit: float = 300.0, **options: Any) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "TABI_HOME": str(workspace.root), "TABI_TRACKING_URI": workspace.tracking_uri}
    command = [sys.executable, "-c", BATCH, str(limit), names]
    return subprocess.Popen(command, env=environment, start_new_session=True, **options)


def wait_for(condition: Callable[[], Any], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def log_text(workspace: Workspace) -> str:
    path = workspace.logs / "latest.log"
    return path.read_text() if path.exists() else ""


@pytest.fixture
def home(workspace: Workspace, write_project: Callable[..., None], trained: Any) -> Workspace:
    """A workspace of its own that shares the tracking database, which takes seconds to make."""
    from dataclasses import replace

    write_project(workspace.root, "quick", QUICK)
    write_project(workspace.root, "endless", ENDLESS)
    return replace(workspace, tracking_uri=trained.workspace.tracking_uri)


def test_a_name_that_fails_does_not_stop_the_others_and_everything_is_in_the_log_and_the_records(
    home: Workspace, capfd: Any
) -> None:
    assert batch_state(home) == ([], 2)
    assert run_batch(home, ["missing", "quick"]) == 1
    text = log_text(home)
    assert re.fullmatch(r"train-\d{8}_\d{6}\.log", str((home.logs / "latest.log").readlink()))
    assert re.search(r"^=== START \d{4}-\d\d-\d\dT\S+ pid=\d+ ===$", text, re.MULTILINE)
    assert re.search(r"^--- DS=missing FAIL rc=2 \d{4}-\S+ ---$", text, re.MULTILINE)
    assert re.search(r"^--- DS=quick OK rc=0 \d{4}-\S+ ---$", text, re.MULTILINE)
    assert "there is no project 'missing'" in text
    assert text.count("[RESULT] ds=builtin_breast_cancer mode=full AUC=0.9") == 1
    assert capfd.readouterr().out == text
    assert batch_state(home) == ([("missing", "FAIL"), ("quick", "OK")], 1)
    items = [r for r in evidence.read(home.evidence, "batch-item") if r.verdict == "fail"]
    assert items[0].figures["reason"] == "exit code 2"


def test_a_single_name_runs_here_and_leaves_the_same_log_and_records(home: Workspace) -> None:
    out = io.StringIO()
    assert run_batch(home, ["quick"], stream=out) == 0
    assert out.getvalue().splitlines()[-1].startswith("[RESULT] ds=builtin_breast_cancer mode=full AUC=")
    text = log_text(home)
    assert re.search(r"\[RESULT\] .*\n--- DS=quick OK rc=0 \S+ ---\n=== END \S+ ===\n$", text)
    assert batch_state(home) == ([("quick", "OK")], 0)
    table = report_table(home).splitlines()
    assert table[0] == "| dataset | mode | AUC | ACC | best | elapsed [s] |"
    assert re.fullmatch(
        r"\| builtin_breast_cancer \| full \| 0\.\d{4} \| 0\.\d{4} \| `\{'clf__max_iter': 5\}` \| \d+ \|", table[2]
    )
    with pytest.raises(NotFoundError, match="missing"):
        run_batch(home, ["missing"], stream=out)
    assert len(list(home.logs.glob("train-*.log"))) == 1


def test_a_single_name_has_a_time_limit_too(home: Workspace) -> None:
    out = io.StringIO()
    assert run_batch(home, ["endless"], limits=Limits(2.0, 1.0), stream=out) == 1
    assert out.getvalue().splitlines()[-1] == "tabi: the time limit of 2 s"
    assert batch_state(home) == ([("endless", "FAIL")], 1)


def test_a_name_beyond_its_time_limit_is_ended_with_all_it_started_and_the_next_one_begins(home: Workspace) -> None:
    batch = start(home, "endless,missing", limit=12.0, stdout=subprocess.DEVNULL)
    assert batch.wait(120) == 1
    assert batch_state(home) == ([("endless", "FAIL"), ("missing", "FAIL")], 1)
    reasons = [r.figures["reason"] for r in evidence.read(home.evidence, "batch-item") if r.verdict == "fail"]
    assert reasons == ["the time limit of 12 s", "exit code 2"]
    assert not running_in(home)


def test_a_terminal_that_closes_takes_nothing_with_it(home: Workspace) -> None:
    terminal, its_end = os.openpty()
    batch = start(home, "quick,missing", stdout=its_end, stderr=its_end)
    os.close(its_end)
    wait_for(lambda: "DS=quick begin" in log_text(home))
    os.close(terminal)
    os.kill(batch.pid, signal.SIGHUP)
    assert batch.wait(120) == 1
    assert "[RESULT]" in log_text(home)
    assert "=== END" in log_text(home)
    assert batch_state(home).items[0] == ("quick", "OK")


def test_a_batch_that_was_killed_counts_as_failed_and_its_children_end(home: Workspace) -> None:
    batch = start(home, "endless,quick", stdout=subprocess.DEVNULL)
    wait_for(lambda: running_in(home))
    assert batch_state(home) == ([("endless", "RUNNING"), ("quick", "PENDING")], 2)
    os.kill(batch.pid, signal.SIGKILL)
    batch.wait()
    assert batch_state(home) == ([("endless", "FAIL"), ("quick", "FAIL")], 1)
    wait_for(lambda: not running_in(home))


def running_in(home: Workspace) -> list[int]:
    """Processes that train for this workspace."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command, environment = (folder / "cmdline").read_bytes(), (folder / "environ").read_bytes()
        except OSError:
            continue
        if b"tabi.training.child" in command and f"TABI_HOME={home.root}\0".encode() in environment:
            found.append(int(folder.name))
    return found
