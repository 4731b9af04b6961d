"""What is kept of a prediction: its line, its counts; from several threads and by several slots of one version."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Lock, Thread

import numpy as np
import pytest

from tabi.contract import Fault
from tabi.predictions import LogReader, PredictionLine, PredictionLog
from tabi.predictions.privacy import Privacy
from tabi.serving.model import Model
from tabi.serving.recorder import Asked, Decided, Recorder
from tabi.serving.telemetry.cells import Cells, read_all
from tests.serving.conftest import ROW, Harbour


@pytest.fixture
def model(harbour: Harbour) -> Model:
    return Model.open(harbour.path())


@pytest.fixture
def cells(tmp_path: Path) -> Iterator[Cells]:
    cells = Cells(tmp_path / "cells", 0)
    yield cells
    cells.close()


def decided(model: Model, rows: list[dict[str, object]]) -> Decided:
    tensors, _, _ = model.read(rows)  # type: ignore[arg-type]
    predictions, outputs, _ = model.run(tensors)
    return Decided(tensors, predictions, outputs)


def asked(count: int, request_id: str = "a") -> list[Asked]:
    return [Asked(request_id, row, 0) for row in range(count)]


def test_a_line_has_the_row_in_the_contracts_order_and_what_was_answered(
    model: Model, cells: Cells, tmp_path: Path
) -> None:
    log = PredictionLog(tmp_path / "log", 0)
    recorder = Recorder(model, log, cells, Lock())
    found = decided(model, [dict(ROW), {"sex": "unknown"}])
    of_an_arm = Asked("a", 1, 0, "canary", "u-1")
    recorder.record(found, [*asked(1), of_an_arm], {1: [Fault(1, "sex", "unknown_category")]})
    log.close()
    first, second = LogReader(tmp_path / "log")
    assert (first.arm, first.unit, second.arm, second.unit) == ("", "", "canary", "u-1")
    assert isinstance(first, PredictionLine)
    # age, sex, fare, city
    assert first.inputs == [39.0, "male", 7.25, "東京"]
    assert (first.id, first.row, first.model, first.version) == ("a", 0, "voyage", model.version)
    assert (first.label, first.probability) == (found.predictions[0].label, found.predictions[0].probability)
    assert first.warnings == []
    # a missing number is null, a missing text empty
    assert (second.inputs[0], second.inputs[2], second.inputs[3]) == (None, None, "")
    assert second.warnings == [("sex", "unknown_category")]


def test_a_log_that_cannot_be_written_loses_lines_and_counts_them(model: Model, cells: Cells, tmp_path: Path) -> None:
    (tmp_path / "log").write_text("a file stands where the folder should be")
    log = PredictionLog(tmp_path / "log", 0)
    Recorder(model, log, cells, Lock()).record(decided(model, [dict(ROW)] * 3), asked(3), {})
    assert log.lost == 3
    assert log.problem is not None
    assert sum(int(c.sum()) for (n, _), c in read_all(tmp_path / "cells").items() if n == "tabi_predictions_total") == 3


def test_two_recorders_of_one_version_count_every_row_from_any_thread(
    model: Model, cells: Cells, tmp_path: Path
) -> None:
    """As after a reload of the same version: the old one's requests end while the new one answers."""
    counting = Lock()
    recorders = [Recorder(model, None, cells, counting) for _ in range(2)]
    found = decided(model, [dict(ROW), {"age": 3}])
    threads = [
        Thread(target=lambda r=recorder: [r.record(found, asked(2), {}) for _ in range(2000)])
        for recorder in recorders
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for recorder in recorders:
        recorder.flush()
    counts = dict.fromkeys(("tabi_predictions_total", "tabi_score_bins_total"), 0)
    for (name, _), cell in read_all(tmp_path / "cells").items():
        if name in counts:
            counts[name] += int(np.sum(cell))
    assert counts == {"tabi_predictions_total": 16_000, "tabi_score_bins_total": 16_000}


def test_a_log_holds_no_more_than_it_may(model: Model, cells: Cells, tmp_path: Path) -> None:
    log = PredictionLog(tmp_path / "log", 0)
    recorder = Recorder(model, log, cells, Lock(), Privacy("hashed", b"k" * 32))
    recorder.record(decided(model, [dict(ROW), {}]), asked(2), {})
    log.close()
    first, second = LogReader(tmp_path / "log")
    assert (first.masked, second.masked) == ("hhhh", "hhhh")
    assert all(isinstance(value, str) and len(value) == 16 for value in first.inputs)
    assert list(second.inputs) == [None, "", None, ""]
    assert "東京".encode() not in b"".join(path.read_bytes() for path in (tmp_path / "log").iterdir())
