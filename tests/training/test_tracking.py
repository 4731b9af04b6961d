"""Runs in MLflow."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

RUN = """
import sys
from pathlib import Path
from tabi.training.tracking import tracked_run
from tabi.workspace import Workspace

with tracked_run(Workspace.find(Path(sys.argv[1]), {}), "shop", {}) as tracker:
    print(tracker.experiment_id)
"""


@pytest.mark.system
def test_two_first_trainings_at_once_make_one_database_and_one_experiment(tmp_path: Path) -> None:
    command = [sys.executable, "-c", RUN, str(tmp_path)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    ended = [(process.communicate(timeout=120), process.returncode) for process in both]
    assert [code for _, code in ended] == [0, 0], ended
    (first, _), (second, _) = (said for said, _ in ended)
    assert first == second != ""
