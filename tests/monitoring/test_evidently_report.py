"""Evidently's report is of a package that not everybody has; with it, tests/system/test_drift_replay.py writes one."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

import pytest

from tabi.errors import ConfigError
from tabi.monitoring.evidently_report import write_evidently
from tabi.monitoring.question import Asked
from tabi.workspace import Workspace
from tests.monitoring.conftest import NAME


def test_without_the_package_the_error_says_how_to_get_it(
    home: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # as Python itself marks what cannot be imported
    monkeypatch.setitem(sys.modules, "evidently", None)
    with pytest.raises(ConfigError, match=r"tabi\[evidently\]"):
        write_evidently(home, Asked(NAME, timedelta(days=1)), tmp_path / "page.html")
    assert list(tmp_path.glob("*.html")) == []
