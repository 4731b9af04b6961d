"""What a worker keeps: closed segments are kept up beside it, and what it says of a log that it cannot write."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tabi.predictions import LogReader, PredictionLine, PredictionLog, encode_lines
from tabi.serving.worker import Worker
from tests.serving.conftest import ROW, Harbour, MakeWorker, asking

BODY = json.dumps({"features": ROW}).encode()


def until(found: Callable[[], bool]) -> None:
    for _ in range(500):
        if found():
            return
        time.sleep(0.01)
    pytest.fail("it did not happen")


def closed(folder: Path, ago: float = 0.0) -> None:
    log = PredictionLog(folder, 7)
    log.append(encode_lines([PredictionLine("before", 0, 1.5, "m", "v", [1.0], "yes", 0.5, [], 0.1)]), 1)
    log.close()
    if ago:
        import os

        for path in folder.iterdir():
            os.utime(path, (time.time() - ago,) * 2)


def log_of(worker: Worker) -> Path:
    assert worker.settings.log is not None
    return worker.settings.log


def test_what_a_worker_before_left_is_compressed_and_what_is_written_now_is_not(worker: Worker) -> None:
    folder = log_of(worker)
    closed(folder)
    assert asking(worker)("POST", "/predict", BODY)[0] == 200
    worker.follow()
    # for a moment, both forms of the same segment are there
    until(lambda: sorted(path.suffix for path in folder.iterdir()) == [".gz", ".jsonl"])
    assert [line.model for line in LogReader(folder)] == ["m", "voyage"]


def test_what_is_too_old_goes_and_nothing_is_compressed_unasked(harbour: Harbour, make_worker: MakeWorker) -> None:
    worker = make_worker(harbour.store, "voyage", log_days=2.0, log_gzip=False)
    folder = log_of(worker)
    closed(folder, ago=3 * 86400)
    closed(folder)
    worker.follow()
    until(lambda: len(list(folder.glob("*.jsonl"))) == 1)
    assert not list(folder.glob("*.gz"))


@pytest.mark.parametrize(("asked", "status"), [("degraded", 200), ("ready", 200), ("not_ready", 503)])
def test_readiness_while_nothing_can_be_logged_is_as_configured(
    harbour: Harbour, make_worker: MakeWorker, tmp_path: Path, asked: str, status: int
) -> None:
    (tmp_path / "log").write_text("a file stands where the folder should be")
    worker = make_worker(harbour.store, "voyage", log=tmp_path / "log", log_ready=asked)
    ask = asking(worker)
    # it goes on answering whatever it says, and counts
    assert ask("POST", "/predict", BODY)[0] == 200
    found, _, ready = ask("GET", "/readyz")
    assert (found, ready["status"]) == (status, asked)
    worker.follow()
    assert b"\ntabi_prediction_log_lost_total 1.0\n" in ask("GET", "/metrics")[2]
    (tmp_path / "log").unlink()

    def recovered() -> bool:
        # without a request that would try
        worker.follow()
        return bool(ask("GET", "/readyz")[2]["status"] == "ready")

    until(recovered)
    assert list(LogReader(tmp_path / "log")) == []


def test_columns_that_would_need_a_key_are_told(harbour: Harbour, make_worker: MakeWorker, tmp_path: Path) -> None:
    ask = asking(make_worker(harbour.store, "voyage", log_inputs="hashed"))
    assert any("--log-key" in text for text in ask("GET", "/readyz")[2]["problems"])
    (tmp_path / "key").write_text("0123456789abcdef" * 2)
    worker = make_worker(harbour.store, "voyage", log_inputs="hashed", log_key=tmp_path / "key")
    assert asking(worker)("POST", "/predict", BODY)[0] == 200
    assert asking(worker)("GET", "/readyz")[2]["status"] == "ready"
    assert [line.masked for line in LogReader(log_of(worker))] == ["hhhh"]
