"""A run that breaks off is an error, and never a figure."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest

from loadtest.k6 import start
from loadtest.slo import Load, read_slo
from tabi.errors import TabiError


def program(folder: Path, script: str) -> Path:
    """A program in k6's place that ends as one of k6's runs can."""
    path = folder / "k6"
    path.write_text(f"#!{sys.executable}\nimport pathlib, sys\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("sys.exit(107)", "exit code 107"),
        ("sys.exit('level=error: there is no script')", "there is no script"),
        # it ended well and wrote nothing
        ("pass", "exit code 0"),
    ],
)
def test_a_run_that_broke_off_is_told(script: str, told: str, tmp_path: Path) -> None:
    bodies = tmp_path / "bodies"
    bodies.write_text("{}")
    # of an earlier run; it must not be taken for this one's
    (tmp_path / "steady-summary.json").write_text("{}")
    run = start(program(tmp_path, script), "steady", "http://127.0.0.1:9", bodies, Load(1, 1), read_slo().objectives)
    with pytest.raises(TabiError, match=told):
        run.result()
    assert run.over
