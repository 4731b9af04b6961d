"""`tabi monitor`: sections, evidence, exit codes."""

from __future__ import annotations

import json
import time
from datetime import timedelta

import pytest
from typer.testing import CliRunner

from tabi import evidence
from tabi.cli.main import app
from tabi.errors import ConfigError, NotFoundError
from tabi.monitoring.question import Asked, Question
from tabi.monitoring.report import lines_of, monitor
from tabi.monitoring.section import Found, Section
from tabi.monitoring.spans import span_of
from tabi.predictions import PredictionLine
from tabi.workspace import Workspace
from tests.monitoring.conftest import NAME, Write

WEEK = Asked(NAME, timedelta(days=7))


def a_line(version: str, ago: float = 60.0, arm: str = "", request: str = "r", row: int = 0) -> PredictionLine:
    return PredictionLine(
        request, row, time.time() - ago, NAME, version, [1.0, 2.0, "a", "b"], "yes", 0.7, [], 1.5, arm
    )


def test_traffic_is_counted_by_version_arm_and_window(home: Workspace, write: Write, version: str) -> None:
    write(a_line(version, row=row) for row in range(3))
    write([a_line(version, arm="canary"), a_line("f" * 64, ago=3 * 86400), a_line(version, ago=9 * 86400)])
    found = monitor(home, WEEK).sections["traffic"]
    groups = {(each["version"], each["arm"]): each["rows"] for each in found.figures["groups"]}
    # the oldest line is from before the week
    assert groups == {(version, ""): 3, (version, "canary"): 1, ("f" * 64, ""): 1}
    days = monitor(home, Asked(NAME, WEEK.since, timedelta(days=1)))
    begins = {each["begin"] for each in days.sections["traffic"].figures["groups"]}
    assert len(begins) >= 2
    assert all(begin.endswith("T00:00:00+00:00") for begin in begins)


def test_what_a_kill_left_of_a_line_is_counted_and_harms_nothing(home: Workspace, write: Write, version: str) -> None:
    write([a_line(version)])
    (home.predictions / "20200101T000000.000000Z-000-000000.jsonl").write_bytes(b'{"kind":"prediction","id":"r\xe6\x97')
    found = monitor(home, WEEK).sections["traffic"]
    assert (found.figures["rows"], found.figures["unreadable"]) == (1, 1)


def test_every_question_leaves_evidence_of_the_bundle_that_answers_now(
    home: Workspace, write: Write, version: str
) -> None:
    write([a_line(version)])
    monitor(home, WEEK)
    (record,) = evidence.read(home.evidence, "monitor")
    assert (record.subject, record.verdict, record.inputs["bundle"]) == (NAME, "pass", version)


def test_the_worst_section_decides_and_may_leave_a_record_of_its_own(home: Workspace, version: str) -> None:
    def bad(question: Question) -> Found:
        return Found(
            title="bad", verdict="fail", reason="0.1", lines=["a", "b"], figures={"x": 1}, evidence="performance"
        )

    report = monitor(home, WEEK, [Section("bad", bad)])
    assert report.verdict == "fail"
    assert [line.strip() for line in lines_of(report)][2:5] == ["bad: fail, 0.1", "a", "b"]
    (own,) = evidence.read(home.evidence, "performance")
    assert (own.verdict, own.figures["x"], own.inputs["bundle"]) == ("fail", 1, version)


def test_a_model_that_nobody_released_is_named(home: Workspace) -> None:
    with pytest.raises(NotFoundError, match="nobody has no bundle yet"):
        monitor(home, Asked("nobody", timedelta(days=1)))


def test_the_command_prints_a_table_or_json(
    home: Workspace, write: Write, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write([a_line(version)])
    monkeypatch.setenv("TABI_HOME", str(home.root))
    monkeypatch.setenv("TABI_STORE", str(home.store))
    shown = CliRunner().invoke(app, ["monitor", NAME, "--since", "1d"])
    assert shown.exit_code == 0
    assert f"{version[:12]}: 1 rows" in shown.stdout
    found = json.loads(CliRunner().invoke(app, ["monitor", NAME, "--json"]).stdout)
    assert found["sections"]["traffic"]["figures"]["rows"] == 1


@pytest.mark.parametrize("text", ["", "7", "d", "0d", "-1d", "1y", "1.5h", "7d ", "９d٣"])
def test_a_span_is_a_number_and_a_unit(text: str) -> None:
    with pytest.raises(ConfigError, match="--since is a number"):
        span_of(text, "--since")


def test_spans_are_read() -> None:
    assert [span_of(text, "-") for text in ("90s", "36h", "2w")] == [
        timedelta(seconds=90),
        timedelta(hours=36),
        timedelta(weeks=2),
    ]
