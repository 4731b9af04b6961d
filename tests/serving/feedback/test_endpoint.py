"""`POST /feedback`: who may, what is answered, and that the disk has what was acknowledged."""

from __future__ import annotations

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tabi.predictions import FeedbackLine
from tabi.serving.settings import Limits
from tabi.serving.worker import Worker
from tests.serving.conftest import ADMIN_PORT, Ask, Harbour, MakeWorker, asking
from tests.serving.test_keeping import until

PIECE = {"request_id": "r-1", "label": "yes"}
NDJSON = {"content-type": "application/x-ndjson"}


def kept(worker: Worker) -> list[FeedbackLine]:
    assert worker.settings.log is not None
    decode = msgspec.json.Decoder(FeedbackLine).decode
    folder = worker.settings.log / "feedback"
    return [decode(text) for path in folder.glob("*.jsonl") for text in path.read_bytes().split()]


def send(ask: Ask, body: Any, headers: dict[str, str] | None = None, port: int = ADMIN_PORT) -> tuple[int, Any]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    status, _, answer = ask("POST", "/feedback", content, headers, port)
    return status, answer


def counted(ask: Ask) -> dict[str, float]:
    text = ask("GET", "/metrics")[2].decode()
    lines = [line for line in text.splitlines() if line.startswith("tabi_feedback_total{")]
    return {line.split('outcome="')[1].split('"')[0]: float(line.split()[-1]) for line in lines}


def test_what_is_acknowledged_is_on_the_disk_and_a_repetition_is_said_to_be_one(ask: Ask, worker: Worker) -> None:
    status, answer = send(ask, PIECE)
    assert (status, answer["accepted"], answer["duplicates"]) == (202, 1, 0)
    (line,) = kept(worker)
    assert (line.id, line.label, line.model) == ("r-1", "yes", "voyage")
    status, answer = send(ask, [PIECE, {"unit_id": "u", "value": 3}])
    assert (status, answer["accepted"], answer["duplicates"]) == (202, 1, 1)
    status, answer = send(ask, b'{"unit_id":"v","label":"no"}\n\n{"unit_id":"w","label":"no"}', NDJSON)
    assert (status, answer["accepted"]) == (202, 2)
    assert send(ask, {"unit_id": "v", "label": "perhaps"})[0] == 422
    assert counted(ask) == {"accepted": 4.0, "duplicate": 1.0, "refused": 1.0, "failed": 0.0}


def test_a_body_that_is_too_large_for_the_loop_is_answered_alike(ask: Ask, worker: Worker) -> None:
    many = [{"request_id": f"r-{place}", "label": "no"} for place in range(1000)]
    status, answer = send(ask, many)
    assert (status, answer["accepted"], len(kept(worker))) == (202, 1000, 1000)


def test_requests_that_come_together_share_a_flush(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    import httpx

    flushes: list[int] = []
    real = os.fsync

    def flush(descriptor: int) -> None:
        flushes.append(descriptor)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", flush)

    async def all_at_once() -> list[int]:
        transport = httpx.ASGITransport(worker.door)
        async with httpx.AsyncClient(transport=transport, base_url=f"http://tabi:{ADMIN_PORT}") as client:
            bodies = [{"request_id": str(place), "label": "no"} for place in range(40)]
            answers = await asyncio.gather(*(client.post("/feedback", json=body) for body in bodies))
            return [answer.status_code for answer in answers]

    assert asyncio.run(all_at_once()) == [202] * 40
    assert len(kept(worker)) == 40
    assert len(flushes) < 40


def test_only_operators_may_unless_it_is_public(harbour: Harbour, make_worker: MakeWorker, tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    digests = [hashlib.sha256(word.encode()).hexdigest() for word in ("shop", "other")]
    tokens.write_text(f"shop feedback {digests[0]}\nother reload {digests[1]}\n")
    guarded = asking(make_worker(harbour.store, "voyage", tokens=tokens))
    assert send(guarded, PIECE, port=80)[0] == 401
    assert send(guarded, PIECE, {"authorization": "Bearer other"}, port=80)[0] == 403
    assert send(guarded, PIECE, {"authorization": "Bearer shop"}, port=80)[0] == 202
    closed = make_worker(harbour.store, "voyage")
    assert send(asking(closed), PIECE, port=80)[0] == 403
    assert send(asking(make_worker(harbour.store, "voyage", feedback="public")), PIECE, port=80)[0] == 202
    assert not kept(closed)


def test_what_cannot_be_kept_is_not_acknowledged_and_the_server_says_what_is_wrong(
    harbour: Harbour, make_worker: MakeWorker, tmp_path: Path
) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "feedback").write_text("a file stands where the folder should be")
    worker = make_worker(harbour.store, "voyage", log=tmp_path / "log")
    ask = asking(worker)
    status, problem = send(ask, PIECE)
    assert (status, problem["status"]) == (503, 503)
    assert "kept" in problem["detail"]
    assert counted(ask)["failed"] == 1
    ready = ask("GET", "/readyz")[2]
    assert (ready["status"], len([text for text in ready["problems"] if "feedback" in text])) == ("degraded", 1)
    (tmp_path / "log" / "feedback").unlink()

    def recovered() -> bool:
        worker.follow()
        return bool(ask("GET", "/readyz")[2]["status"] == "ready")

    until(recovered)
    assert send(ask, PIECE)[0] == 202
    assert len([line for line in kept(worker) if line.id]) == 1


def test_a_server_without_a_log_says_so(harbour: Harbour, make_worker: MakeWorker) -> None:
    status, problem = send(asking(make_worker(harbour.store, "voyage", log=None)), PIECE)
    assert status == 501
    assert "keeps no prediction log" in problem["detail"]


def test_wrong_methods_kinds_and_sizes_are_problems(harbour: Harbour, make_worker: MakeWorker) -> None:
    ask = asking(make_worker(harbour.store, "voyage", limits=Limits(protocol_body=100)))
    assert ask("GET", "/feedback", None, None, ADMIN_PORT)[0] == 405
    assert send(ask, PIECE, {"content-type": "text/csv"})[0] == 415
    assert send(ask, [PIECE] * 10)[0] == 413


def test_each_of_several_models_takes_its_own(harbour: Harbour, make_worker: MakeWorker) -> None:
    worker = make_worker(harbour.store, "voyage", "linear")
    ask = asking(worker)
    for name in ("voyage", "linear"):
        assert ask("POST", f"/models/{name}/feedback", json.dumps(PIECE).encode(), None, ADMIN_PORT)[0] == 202
    assert {line.model for line in kept(worker)} == {"voyage", "linear"}
    assert send(ask, PIECE)[0] == 404
