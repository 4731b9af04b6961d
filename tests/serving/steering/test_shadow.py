"""Copies go to a process of their own; whatever becomes of it, only copies are lost."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

from tabi.policy import Assigned, Shadow, Single
from tabi.predictions import LogReader
from tabi.serving.steering import shadow, shadow_process
from tabi.serving.telemetry.cells import read_all
from tabi.serving.worker import Worker
from tests.serving.conftest import ROW, Harbour, MakeWorker, asking

BODY = json.dumps({"features": ROW}).encode()
LIMIT_S = 60.0


def eventually(found: Callable[[], Any]) -> Any:
    end = time.monotonic() + LIMIT_S
    while not (seen := found()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)
    return seen


def lines(worker: Worker) -> list[Any]:
    log = worker.settings.log
    assert log is not None
    return list(LogReader(log))


def copies(worker: Worker) -> dict[str, int]:
    return {
        dict(labels)["outcome"]: int(cells.sum())
        for (name, labels), cells in read_all(worker._folder).items()
        if name == "tabi_shadow_copies_total"
    }


def shadowed(harbour: Harbour, challenger: str | None = None) -> Shadow:
    found = Shadow(
        name="voyage",
        champion=Assigned(1, harbour.older),
        challenger=Assigned(2, challenger or harbour.newer),
        share=1.0,
        salt="s",
    )
    harbour.store.set_policy(found, None)
    return found


def test_a_shadow_answers_copies_that_nobody_gets(own_harbour: Harbour, make_worker: MakeWorker) -> None:
    policy = shadowed(own_harbour)
    worker = make_worker(own_harbour.store, "voyage")
    ask = asking(worker)
    batch = json.dumps({"rows": [ROW, ROW]}).encode()
    status, headers, found = ask("POST", "/predict", BODY, {"x-request-id": "row", "x-unit-id": "u"})
    assert (status, found["version"], headers["x-tabi-arm"]) == (200, own_harbour.older, "champion")
    assert ask("POST", "/predict_batch", batch, {"x-request-id": "batch"})[2]["version"] == own_harbour.older
    worker.decider("voyage", "", "call", "").decide([ROW], str)
    ndjson = {"x-request-id": "lines", "content-type": "application/x-ndjson"}
    ask("POST", "/predict_batch", json.dumps(ROW).encode() + b"\n", ndjson)

    eventually(lambda: len(lines(worker)) == 10)
    by_arm = {arm: [line for line in lines(worker) if line.arm == arm] for arm in ("champion", "shadow")}
    assert {line.version for line in by_arm["shadow"]} == {own_harbour.newer}
    same = [sorted((line.id, line.row, line.unit, line.inputs) for line in found) for found in by_arm.values()]
    assert same[0] == same[1], "the same rows for the same units"
    assert sum(copies(worker).values()) == copies(worker)["sent"] == 4

    # the policy ends, and the process with it
    stored = own_harbour.store.policy("voyage")
    own_harbour.store.set_policy(Single(name="voyage", champion=policy.champion, revision=2), stored)
    worker.follow()
    eventually(lambda: worker._shadows._process is None)


@pytest.mark.system
def test_a_shadow_that_is_killed_loses_copies_and_no_request(
    own_harbour: Harbour, make_worker: MakeWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shadow, "MOST_COPIES", 4)
    monkeypatch.setattr(shadow, "GATHER_SECONDS", 0.5)
    monkeypatch.setattr(shadow, "RETRY_SECONDS", 0.1)
    shadowed(own_harbour)
    worker = make_worker(own_harbour.store, "voyage")
    ask = asking(worker)
    ask("POST", "/predict", BODY)
    eventually(lambda: len(lines(worker)) == 2)

    # its queue is full: the rest is dropped, and counted
    assert {ask("POST", "/predict", BODY)[0] for _ in range(12)} == {200}
    eventually(lambda: copies(worker).get("full", 0) > 0)
    process = eventually(lambda: worker._shadows._process)._beside.process
    # what the system does to a process that takes too much memory
    os.kill(process.pid, signal.SIGKILL)
    process.wait()

    def told() -> bool:
        assert ask("POST", "/predict", BODY)[0] == 200
        return copies(worker).get("down", 0) > 0

    eventually(told)
    again = eventually(lambda: worker._shadows._process)._beside.process
    assert again.pid != process.pid
    before = sum(line.arm == "shadow" for line in lines(worker))
    ask("POST", "/predict", BODY)
    eventually(lambda: sum(line.arm == "shadow" for line in lines(worker)) > before)


@pytest.mark.system
def test_a_shadow_that_hangs_is_seen_by_a_single_copy_and_another_takes_its_place(
    own_harbour: Harbour, make_worker: MakeWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shadow_process, "STALLED_SECONDS", 1.0)
    monkeypatch.setattr(shadow, "RETRY_SECONDS", 0.1)
    shadowed(own_harbour)
    worker = make_worker(own_harbour.store, "voyage")
    ask = asking(worker)
    ask("POST", "/predict", BODY)
    eventually(lambda: len(lines(worker)) == 2)
    eventually(lambda: not worker._shadows._process._unanswered)  # type: ignore[union-attr]
    hung = worker._shadows._process._beside.process  # type: ignore[union-attr]
    os.kill(hung.pid, signal.SIGSTOP)

    # far from enough to fill what the system holds for it
    assert ask("POST", "/predict", BODY)[0] == 200
    eventually(lambda: copies(worker).get("lost") == 1)
    eventually(lambda: hung.returncode == -signal.SIGKILL)
    eventually(lambda: "the shadow process hung and was ended" in ask("GET", "/readyz")[2]["problems"])

    def answers() -> bool:
        assert ask("POST", "/predict", BODY)[0] == 200
        return len([line for line in lines(worker) if line.arm == "shadow"]) > 1

    eventually(answers)
    eventually(lambda: ask("GET", "/readyz")[2]["status"] == "ready")


@pytest.mark.system
def test_a_challenger_that_cannot_be_loaded_is_told_and_the_champion_answers(
    own_harbour: Harbour, make_worker: MakeWorker
) -> None:
    graph = own_harbour.path("voyage", own_harbour.newer) / "model.onnx"
    graph.write_bytes(graph.read_bytes()[:-1])
    shadowed(own_harbour)
    worker = make_worker(own_harbour.store, "voyage")
    ask = asking(worker)
    found = eventually(lambda: next((p for p in ask("GET", "/readyz")[2]["problems"] if "shadow" in p), None))
    assert found == f"the shadow {own_harbour.newer[:12]} cannot be loaded"
    assert ask("GET", "/readyz")[2]["status"] == "degraded"
    assert ask("POST", "/predict", BODY)[2]["version"] == own_harbour.older


def test_a_body_that_is_too_large_is_not_copied(
    own_harbour: Harbour, make_worker: MakeWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shadow, "LARGEST", len(BODY) - 1)
    monkeypatch.setattr(shadow_process, "PROGRAM", ("true",))
    shadowed(own_harbour)
    worker = make_worker(own_harbour.store, "voyage")
    assert asking(worker)("POST", "/predict", BODY)[0] == 200
    assert copies(worker)["large"] == 1
