"""What tabi monitor found, as Prometheus reads it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tabi.errors import StoreError
from tabi.monitoring.report import Report
from tabi.monitoring.section import Found
from tabi.monitoring.textfile import numbers, write_metrics

END = "2026-11-22T01:30:00+00:00"


def report() -> Report:
    bad = Found(
        title="Performance",
        verdict="fail",
        reason="auc",
        lines=[],
        figures={"auc": 0.71, "bound": 0.8, "rows": 400, "enough": True, "by": {"sex": {"auc": 0.6}}, "note": "x"},
    )
    good = Found(title="Traffic", verdict="pass", reason="", lines=[], figures={})
    return Report("adult", "b" * 64, "2026-11-15T01:30:00+00:00", END, "fail", {"performance": bad, "traffic": good})


def test_a_report_is_read_back_as_metrics(tmp_path: Path) -> None:
    path = tmp_path / "textfile" / "adult.prom"
    write_metrics(report(), path)
    families = {family.name: family.samples for family in text_string_to_metric_families(path.read_text())}
    (time,) = families["tabi_monitor_timestamp_seconds"]
    assert datetime.fromtimestamp(time.value, UTC) == datetime.fromisoformat(END)
    assert {sample.labels["section"]: sample.value for sample in families["tabi_monitor_state"]} == {
        "performance": 2,
        "traffic": 0,
    }
    figures = {sample.labels["figure"]: sample.value for sample in families["tabi_monitor_figure"]}
    assert figures == {"auc": 0.71, "bound": 0.8, "rows": 400, "by.sex.auc": 0.6}
    # nothing is left beside it that the collector could take for another
    assert [each.name for each in path.parent.iterdir()] == ["adult.prom"]


def test_the_outermost_figures_come_first() -> None:
    assert [name for name, _ in numbers({"a": {"b": 1}, "c": 2, "d": {"e": 3}})] == ["c", "a.b", "d.e"]


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot be written .*--metrics"):
        write_metrics(report(), tmp_path / "file" / "adult.prom")
