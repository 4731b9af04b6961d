"""Feedback finds the rows that it is about."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from tabi.monitoring.tables import LogTables
from tabi.predictions import FeedbackLine, FeedbackLog, PredictionLine
from tabi.workspace import Workspace
from tests.monitoring.conftest import NAME, Write

NOW = time.time()
Row = dict[str, object]


def answered(request: str, ago: float = 60.0, **more: object) -> PredictionLine:
    line = PredictionLine(request, 0, NOW - ago, NAME, "v", [1.0], "yes", 0.7, [], 1.5)
    return msgspec.structs.replace(line, **more)


def given(key: str, ago: float = 5.0, **more: object) -> FeedbackLine:
    return msgspec.structs.replace(FeedbackLine(key, NOW - ago, NAME, NOW - ago), **more)


def joined(home: Workspace, feedback: list[FeedbackLine]) -> tuple[list[tuple[object, ...]], LogTables]:
    FeedbackLog(home.predictions).append(feedback)
    end = datetime.now(UTC) + timedelta(minutes=1)
    with LogTables(home.predictions, NAME, end - timedelta(days=1), end) as tables:
        _ = tables.joins
        return tables.rows(
            "SELECT id, row, version, target, outcome FROM joined ORDER BY time, id, row, version"
        ), tables


def test_feedback_by_request_and_row(home: Workspace, write: Write) -> None:
    write([answered("a"), answered("a", row=1), answered("b", ago=50)])
    rows, tables = joined(home, [given("1", id="a", row=1, label="no"), given("2", id="b", value=12.5)])
    assert rows == [("a", 0, "v", None, None), ("a", 1, "v", "no", None), ("b", 0, "v", None, 12.5)]
    assert (tables.joins.given, tables.joins.unmatched) == (2, 0)


def test_feedback_by_unit_goes_to_its_last_row_before_the_outcome(home: Workspace, write: Write) -> None:
    write([answered("a", 60, unit="u"), answered("b", 40, unit="u"), answered("c", 20, unit="u"), answered("d", 45)])
    rows, _ = joined(home, [given("1", 30, unit="u", label="no")])
    assert [(row[0], row[3]) for row in rows] == [("a", None), ("d", None), ("b", "no"), ("c", None)]


def test_the_latest_label_wins_whenever_it_came_and_a_value_beside_it_stays(home: Workspace, write: Write) -> None:
    write([answered("a")])
    late = given("2", 1, id="a", label="no", at=NOW - 30)
    rows, _ = joined(home, [given("1", 10, id="a", label="yes", value=3.0, at=NOW - 20), late])
    assert rows == [("a", 0, "v", "yes", 3.0)]


def test_a_key_counts_once_even_where_no_writer_knew_it_again(home: Workspace, write: Write) -> None:
    write([answered("a")])
    first = FeedbackLog(home.predictions, recent=1)
    first.append([given("1", 10, id="a", label="yes")])
    first.append([given("2", 9, id="b", label="yes")])
    rows, tables = joined(home, [])
    assert first.append([given("1", 8, id="a", label="no")]) == [True]
    rows, tables = joined(home, [])
    assert rows[0][3] == "yes"
    assert (tables.joins.given, tables.joins.repeated, tables.joins.unmatched) == (2, 1, 1)


def test_every_version_of_a_shadow_has_the_outcome_and_a_repeated_request_has_it_once(
    home: Workspace, write: Write
) -> None:
    write([answered("a", 60), answered("a", 59, version="w", arm="shadow"), answered("a", 30)])
    rows, _ = joined(home, [given("1", id="a", label="no")])
    assert [(row[2], row[3]) for row in rows] == [("v", None), ("w", "no"), ("v", "no")]


@pytest.mark.parametrize(
    "line", [given("1", id="x", label="no"), given("1", unit="x", label="no"), given("1", 3600, unit="u", label="no")]
)
def test_what_belongs_to_no_row_is_counted(home: Workspace, write: Write, line: FeedbackLine) -> None:
    write([answered("a", unit="u")])
    rows, tables = joined(home, [line])
    assert rows[0][3] is None
    assert (tables.joins.given, tables.joins.unmatched) == (1, 1)


def test_late_feedback_is_taken_and_counted(home: Workspace, write: Write) -> None:
    write([answered("a", 9 * 86400), answered("b", 60)])
    FeedbackLog(home.predictions).append([given("1", id="a", label="no"), given("2", id="b", label="no")])
    end = datetime.now(UTC)
    with LogTables(home.predictions, NAME, end - timedelta(days=10), end) as tables:
        assert (tables.joins.given, tables.joins.unmatched, tables.joins.late) == (2, 0, 1)
        assert tables.rows("SELECT count(target) FROM joined") == [(2,)]


def test_other_models_and_times_stay_out(home: Workspace, write: Write) -> None:
    write([answered("a"), answered("a", model="other"), answered("a", 90_000)])
    rows, _ = joined(home, [given("1", id="a", label="no"), given("2", id="a", model="other", label="yes")])
    assert rows == [("a", 0, "v", "no", None)]
