"""Columns together, the concept, what is expected and abnormal rows, over a real log with labels."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np

from tabi import evidence
from tabi.monitoring.page import page_of
from tabi.monitoring.question import Asked
from tabi.monitoring.report import lines_of, monitor
from tabi.monitoring.section import Found
from tabi.monitoring.sections import SECTIONS
from tabi.predictions import PredictionLine
from tabi.predictions.feedback import FeedbackLine, FeedbackLog
from tabi.workspace import Workspace
from tests.monitoring.conftest import NAME, Write

DAY = Asked(NAME, timedelta(days=1))
KEYS = ("together", "concept", "expected", "abnormal")
ROWS = 1200
BROKEN_AT = 600


def lines(version: str, begin: float, *, abnormal: int = 0) -> Iterator[PredictionLine]:
    random = np.random.default_rng(1)
    for row in range(ROWS):
        p = float(random.beta(0.6, 1.5))
        warnings = [("", "rare")] if row < abnormal else []
        label = "yes" if p >= 0.5 else "no"
        inputs: list[float | str | None] = [30.0, 2.0, "a", "b"]
        yield PredictionLine(f"r{row}", 0, begin + row, NAME, version, inputs, label, p, warnings, 1.0)


def label(home: Workspace, given: list[PredictionLine], *, broken_at: int) -> None:
    """Labels as the probabilities say; from one row on they are the other way round."""
    random = np.random.default_rng(2)
    records = []
    for row, line in enumerate(given):
        positive = bool(random.random() < (line.probability or 0)) ^ (row >= broken_at)
        known = line.time + 1
        records.append(FeedbackLine(line.id, known, NAME, known, id=line.id, label="yes" if positive else "no"))
    assert all(FeedbackLog(home.predictions).append(records))


def sections(home: Workspace) -> dict[str, Found]:
    return monitor(home, DAY, [each for each in SECTIONS if each.key in KEYS]).sections


def test_a_concept_that_turned_is_seen_with_its_moment(home: Workspace, write: Write, version: str) -> None:
    begin = time.time() - 2 * ROWS
    given = list(lines(version, begin))
    write(given)
    label(home, given, broken_at=BROKEN_AT)
    found = sections(home)["concept"]
    assert found.verdict == "warn"
    assert found.figures["rows"] == ROWS
    assert any(abs(change["begin"] - begin - BROKEN_AT) < 150 for change in found.figures["changes"])
    (record,) = evidence.read(home.evidence, "concept-drift")
    assert record.inputs["bundle"] == version


def test_labels_that_keep_what_was_promised_raise_nothing(home: Workspace, write: Write, version: str) -> None:
    given = list(lines(version, time.time() - 2 * ROWS))
    write(given)
    label(home, given, broken_at=ROWS)
    found = sections(home)
    assert (found["concept"].verdict, found["concept"].figures["changes"]) == ("pass", [])
    # what was expected without labels is near what they say
    error = found["concept"].figures["error"]
    low, high = found["expected"].figures["accuracy_interval"]
    assert low - 0.02 < 1 - error < high + 0.02
    assert found["expected"].figures["auc"] > 0.7
    assert "calibrated" in found["expected"].figures["assumes"]


def test_many_abnormal_rows_are_a_warning_and_few_are_not(home: Workspace, write: Write, version: str) -> None:
    write(lines(version, time.time() - 2 * ROWS, abnormal=5))
    assert sections(home)["abnormal"].verdict == "pass"
    write(lines(version, time.time() - 2 * ROWS, abnormal=100))
    found = sections(home)["abnormal"]
    assert found.verdict == "warn"
    assert found.figures["by"][0]["rule"] == "rare"
    assert found.lines[0].startswith("rare: the row as a whole, ")
    *_, record = evidence.read(home.evidence, "abnormal-input")
    assert record.figures["abnormal"] == found.figures["abnormal"]


def test_without_rows_labels_or_a_project_it_is_said_what_is_missing(
    home: Workspace, write: Write, version: str, tmp_path: Path
) -> None:
    report = monitor(home, DAY, [each for each in SECTIONS if each.key in KEYS])
    found = report.sections
    assert {found[key].verdict for key in KEYS} == {"not judged"}
    assert found["together"].reason == "0 rows, 200 are needed"
    assert found["concept"].reason == "0 labelled rows, 60 are needed"
    assert found["abnormal"].reason == "0 rows, 1 is needed"
    assert [found[key].needed for key in KEYS] == [200, 60, 1, 1]
    assert page_of(report).count(">not judged<") == 1 + 2 * len(KEYS), "of the whole, in the summary, at each section"
    said = list(lines_of(report))
    assert "drift of the concept: not judged, 0 labelled rows, 60 are needed" in said
    assert said[-1] == "verdict: not judged"
    *_, record = evidence.read(home.evidence, "monitor")
    assert record.figures["sections"]["concept"] == {
        "verdict": "not judged",
        "reason": "0 labelled rows, 60 are needed",
        "needed": 60,
    }
    assert not list(evidence.read(home.evidence, "abnormal-input"))
    write(lines(version, time.time() - 2 * ROWS))
    assert sections(home)["together"].reason.startswith("the rows of training are not here: project")
