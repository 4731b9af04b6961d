"""Prediction logs that a server could have written: units in arms, and what became of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tabi.predictions import FeedbackLine, FeedbackLog, PredictionLine, PredictionLog, encode_lines

NAME = "shop"
DAY = 86_400.0
VERSION = "0" * 64


def row(unit: str, time: float, arm: str = "", label: str = "yes", ms: float = 2.0) -> PredictionLine:
    """A row that was answered at a moment; its request is named by unit and moment."""
    return PredictionLine(f"{unit}@{time}", 0, time, NAME, VERSION, [1.0], label, 0.7, [], ms, arm=arm, unit=unit)


def told(unit: str, time: float, label: str | None = None, value: float | None = None) -> FeedbackLine:
    """What became known at a moment of the unit's last row before it."""
    return FeedbackLine(f"{unit}@{time}", time, NAME, time, unit=unit, label=label, value=value)


Write = Callable[[list[PredictionLine], list[FeedbackLine]], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a log as servers do; the folder of its predictions."""

    def write(rows: list[PredictionLine], feedback: list[FeedbackLine]) -> Path:
        folder = tmp_path / "predictions"
        log = PredictionLog(folder, 0)
        assert log.append(encode_lines(rows), len(rows))
        log.close()
        if feedback:
            FeedbackLog(folder).append(feedback)
        return folder

    return write
