"""Falling quality, and what answers are worth, as `tabi monitor` leaves them in evidence."""

from __future__ import annotations

import time
from datetime import timedelta

from tabi.monitoring import business, performance
from tabi.monitoring.question import Asked
from tabi.monitoring.report import monitor
from tabi.monitoring.section import Section
from tabi.predictions import FeedbackLine, FeedbackLog, PredictionLine, PredictionLog, encode_lines
from tabi.store import Store
from tabi.workspace import Workspace
from tests.dod.conftest import NAME, Ask

SECTIONS = [Section("performance", performance.look), Section("business", business.look)]


def look(home: Workspace, bounds: str) -> None:
    config = home.projects / NAME / "config.yaml"
    text = config.read_text(encoding="utf-8").partition("monitor:")[0]
    config.write_text(f"{text}{bounds}", encoding="utf-8")
    monitor(home, Asked(NAME, timedelta(days=1)), SECTIONS)


def test_quality_is_held_against_the_projects_bounds(home: Workspace, ask: Ask) -> None:
    pointer = Store(home.models).latest(NAME)
    assert pointer is not None
    now, log = time.time(), PredictionLog(home.predictions, 0)
    lines = [
        PredictionLine(str(place), 0, now - 60, NAME, pointer.id, [], "yes", place / 300, [], 1.0)
        for place in range(200)
    ]
    log.append(encode_lines(lines), len(lines))
    log.close()
    labels = [
        FeedbackLine(line.id, now, NAME, now, line.id, label="yes" if place % 7 > 3 else "no", value=2.5)
        for place, line in enumerate(lines)
    ]
    FeedbackLog(home.predictions).append(labels)

    look(home, "")
    found = ask(home)
    assert found["falling_quality_alerts"].status == "missing"
    assert found["business_metric_measurable"].status == "done"

    look(home, "monitor: {minimum: {auc: 0.3}}\n")
    found = ask(home)
    assert found["falling_quality_alerts"].status == "done"

    look(home, "monitor: {minimum: {auc: 0.95}}\n")
    found = ask(home)
    assert found["falling_quality_alerts"].status == "failing"
    assert "monitor.minimum.auc 0.95" in found["falling_quality_alerts"].text
