"""A slot decides over chunks as over one, and records all of a request or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Lock

import pytest

from tabi.contract import Fault
from tabi.errors import RequestError
from tabi.predictions import LogReader, PredictionLine, PredictionLog
from tabi.serving.messages import Row
from tabi.serving.model import Model
from tabi.serving.recorder import Asked, Recorder
from tabi.serving.slot import CHUNK, Slot
from tabi.serving.telemetry.cells import Cells
from tests.serving.conftest import ROW, Harbour

LIMIT = 2 * CHUNK + 10


class Kept:
    """A slot of a model and the log that it writes."""

    def __init__(self, model: Model, folder: Path) -> None:
        self._folder = folder / "log"
        self._log = PredictionLog(self._folder, 0)
        self._cells = Cells(folder / "cells", 0)
        self.slot = Slot(model, Recorder(model, self._log, self._cells, Lock()), LIMIT)

    def lines(self) -> list[tuple[int, float | None]]:
        return [(line.row, line.probability) for line in LogReader(self._folder) if isinstance(line, PredictionLine)]

    def close(self) -> None:
        self._log.close()
        self._cells.close()


@pytest.fixture
def kept(harbour: Harbour, tmp_path: Path) -> Iterator[Kept]:
    kept = Kept(Model.open(harbour.path()), tmp_path)
    yield kept
    kept.close()


@pytest.fixture
def linear(harbour: Harbour, tmp_path: Path) -> Iterator[Kept]:
    kept = Kept(Model.open(harbour.path("linear")), tmp_path)
    yield kept
    kept.close()


def path(fault: Fault) -> str:
    return f"rows[{fault.row}].{fault.column}"


def test_chunks_are_decided_and_logged_in_the_order_of_the_rows(kept: Kept) -> None:
    rows: list[Row] = [{"age": index % 100, "fare": index} for index in range(2 * CHUNK + 5)]
    found = kept.slot.decide(rows, path, Asked("a", 0, 0))
    assert found.predictions == kept.slot.model.decide(rows, path).predictions
    assert kept.lines() == [(index, each.probability) for index, each in enumerate(found.predictions)]


def test_a_warning_names_its_row_in_whatever_chunk_it_is(kept: Kept) -> None:
    rows: list[Row] = [dict(ROW) for _ in range(CHUNK + 3)]
    rows[1]["age"] = rows[CHUNK + 2]["age"] = "x"
    warnings = kept.slot.decide(rows, path, Asked("a", 0, 0)).warnings
    assert [warning.path for warning in warnings] == ["rows[1].age", f"rows[{CHUNK + 2}].age"]


def test_a_row_in_the_last_chunk_that_is_refused_leaves_nothing_in_the_log(linear: Kept) -> None:
    rows: list[Row] = [dict(ROW) for _ in range(CHUNK + 3)]
    rows[-1]["age"] = rows[-1]["fare"] = 1e308
    with pytest.raises(RequestError) as refused:
        linear.slot.decide(rows, path, Asked("a", 0, 0))
    assert [place for place, _ in refused.value.problems] == [f"rows[{CHUNK + 2}]."]
    assert linear.lines() == []


def test_one_row_too_many_is_refused_before_any_is_logged(kept: Kept) -> None:
    with pytest.raises(RequestError, match=str(LIMIT)):
        kept.slot.decide([{}] * (LIMIT + 1), path, Asked("a", 0, 0))
    assert kept.lines() == []
    assert len(kept.slot.decide([{}] * LIMIT, path, Asked("a", 0, 0)).predictions) == LIMIT
