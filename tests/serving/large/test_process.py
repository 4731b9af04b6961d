"""Large requests have a process of their own: when it is there, what becomes of it, and that answers stay the same."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tabi.predictions import LogReader
from tests.serving.conftest import CITIES, ROW, SEXES, Harbour, MakeWorker, Server, asking, serving

ROWS = [
    {"age": index % 90, "fare": index / 7, "sex": SEXES[index % 2], "city": CITIES[index % 3]} for index in range(300)
]
LARGE = json.dumps({"rows": ROWS}).encode()
LINES = b"\n".join(json.dumps(row).encode() for row in ROWS)
NDJSON = {"Content-Type": "application/x-ndjson"}
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def own(harbour: Harbour) -> Iterator[Server]:
    """A server that a test may hurt."""
    with serving(harbour.store.root, "voyage") as running:
        yield running


def children(server: Server) -> list[int]:
    return [
        int(child)
        for found in Path(f"/proc/{server.process.pid}/task").glob("*/children")
        for child in found.read_text(encoding="utf-8").split()
    ]


def is_there(pid: int) -> bool:
    """Whether a process lives; one that is only not buried yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def predictions(answer: tuple[int, dict[str, str], Any]) -> list[Any]:
    status, _, content = answer
    assert status == 200
    found: list[Any] = content["predictions"]
    return found


def ask_lines(server: Server, body: bytes) -> list[Any]:
    connection = server.connect()
    try:
        connection.request("POST", "/predict_batch", body, {"Content-Type": "application/x-ndjson"})
        return [json.loads(line) for line in connection.getresponse().read().splitlines()]
    finally:
        connection.close()


def ask_large(server: Server) -> tuple[int, dict[str, str], Any]:
    return server.ask("POST", "/predict_batch", LARGE)


def test_it_is_started_by_a_large_request_and_answers_as_the_worker_does(own: Server) -> None:
    small = [row for part in range(0, 300, 30) for row in predictions(
        own.ask("POST", "/predict_batch", json.dumps({"rows": ROWS[part : part + 30]}).encode()))]  # fmt: skip
    assert len(ask_lines(own, LINES[:500])) > 1
    assert own.ask("POST", "/predict_batch", b"x" * 100, {"Content-Type": "text/html"})[0] == 415
    assert children(own) == []
    assert predictions(ask_large(own)) == small
    (child,) = children(own)
    lines = ask_lines(own, LINES)
    assert [{"label": line["label"], "probability": line["probability"]} for line in lines] == small
    assert [line["row"] for line in lines] == list(range(300))
    inputs = [
        {"name": name, "datatype": kind, "shape": [300], "data": [row[name] for row in ROWS]}
        for name, kind in (("age", "FP64"), ("fare", "FP64"), ("sex", "BYTES"), ("city", "BYTES"))
    ]
    tensors = own.ask("POST", "/v2/models/voyage/infer", json.dumps({"inputs": inputs}).encode())[2]["outputs"]
    records = json.dumps({"dataframe_records": ROWS, "params": {"predict_method": "predict_proba"}}).encode()
    table = own.ask("POST", "/invocations", records, JSON)[2]["predictions"]
    assert [row["probability"] for row in small] == tensors[0]["data"] == [row[1] for row in table]
    wide = json.dumps({"features": {**ROW, **{f"c{index}": 1 for index in range(3000)}}}).encode()
    assert own.ask("POST", "/predict", wide)[0] == 200
    assert children(own) == [child]


def test_what_it_answered_is_logged_and_counted(harbour: Harbour, tmp_path: Path) -> None:
    with serving(harbour.store.root, "voyage", TABI_PREDICTIONS=str(tmp_path)) as server:
        assert server.ask("POST", "/predict_batch", LARGE, {"X-Request-ID": "many"})[0] == 200
        assert server.ask("POST", "/predict", json.dumps({"features": ROW}).encode())[0] == 200
        counted = [line for line in server.ask("GET", "/metrics")[2].decode().splitlines() if line.startswith("tabi_")]
    assert [line.row for line in LogReader(tmp_path) if line.id == "many"] == list(range(300))
    assert sum(float(line.split()[-1]) for line in counted if line.startswith("tabi_predictions_total")) == 301
    bins = [line for line in counted if line.startswith("tabi_score_bins_total")]
    assert sum(float(line.split()[-1]) for line in bins) == 301


def test_errors_name_their_places(own: Server) -> None:
    wrong = json.dumps({"rows": [*ROWS, {"age": [1]}]}).encode()
    status, _, content = own.ask("POST", "/predict_batch", wrong)
    assert (status, content["errors"][0]["path"]) == (422, "rows[300].age")
    status, _, content = own.ask(
        "POST", "/invocations", json.dumps({"dataframe_records": ROWS, "inputs": [1]}).encode(), JSON
    )
    assert (status, content["error_code"]) == (400, "BAD_REQUEST")
    status, _, _ = own.ask("POST", f"/v2/models/voyage/versions/{'0' * 64}/infer", b" " * 9000)
    assert status == 404


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_it_ends_with_its_worker_however_that_ends(own: Server, number: signal.Signals) -> None:
    assert ask_large(own)[0] == 200
    (child,) = children(own)
    own.process.send_signal(number)
    code = own.process.wait(20)
    assert code == (0 if number is signal.SIGTERM else -number)
    until(lambda: not is_there(child))


@pytest.mark.skipif(sys.platform != "linux", reason="read from /proc")
def test_it_comes_after_the_worker_for_the_core_and_before_it_where_memory_ends(own: Server) -> None:
    assert ask_large(own)[0] == 200
    (child,) = children(own)
    worker = own.process.pid
    assert os.getpriority(os.PRIO_PROCESS, child) > os.getpriority(os.PRIO_PROCESS, worker)
    found = [int(Path(f"/proc/{pid}/oom_score_adj").read_text(encoding="utf-8")) for pid in (worker, child)]
    assert found[0] < found[1]


def test_signals_that_reach_all_processes_let_it_finish(own: Server) -> None:
    assert ask_large(own)[0] == 200
    (child,) = children(own)
    os.kill(child, signal.SIGTERM)
    os.kill(child, signal.SIGINT)
    assert ask_large(own)[0] == 200
    assert children(own) == [child]


def test_one_that_died_is_started_again(own: Server) -> None:
    assert ask_large(own)[0] == 200
    (child,) = children(own)
    os.kill(child, signal.SIGKILL)
    assert ask_large(own)[0] == 200
    assert children(own) != [child]


def test_a_request_whose_process_dies_is_503_and_small_ones_go_on(own: Server) -> None:
    assert ask_large(own)[0] == 200
    (child,) = children(own)
    os.kill(child, signal.SIGSTOP)
    found: list[int] = []
    asking = Thread(target=lambda: found.append(ask_large(own)[0]))
    asking.start()
    assert own.ask("POST", "/predict", json.dumps({"features": ROW}).encode())[0] == 200
    os.kill(child, signal.SIGKILL)
    asking.join()
    # it died before it took the body, so that another one was asked
    assert found == [200]
    answers = b",".join([LARGE[9:-1][1:-1]] * 60)
    asking = Thread(target=lambda: found.append(own.ask("POST", "/predict_batch", b'{"rows":[' + answers + b"]}")[0]))
    asking.start()
    (child,) = children(own)
    time.sleep(0.1)
    os.kill(child, signal.SIGKILL)
    asking.join()
    assert found[1] in (200, 503)
    assert ask_large(own)[0] == 200


def test_it_answers_with_the_version_that_the_worker_has(own_harbour: Harbour) -> None:
    with serving(own_harbour.store.root, "voyage") as server:
        assert ask_large(server)[2]["version"] == own_harbour.older
        newer = f"models/voyage/snapshots/{own_harbour.newer}"
        assert server.operate("POST", f"/reload?path={newer}")[0] == 200
        (child,) = children(server)
        status, _, content = ask_large(server)
        assert (status, content["version"]) == (200, own_harbour.newer)
        # what the worker has in memory answers, even if nobody else can read it any more
        (own_harbour.path(version=own_harbour.newer) / "model.onnx").unlink()
        assert ask_large(server)[0] == 200
        os.kill(child, signal.SIGKILL)
        status, _, content = ask_large(server)
        assert (status, content["version"]) == (200, own_harbour.newer)


def test_where_no_process_can_be_started_the_worker_answers(
    harbour: Harbour, make_worker: MakeWorker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tabi.serving.large.process.PROGRAM", (str(tmp_path / "none"),))
    ask = asking(make_worker(harbour.store, "voyage"))
    assert len(predictions(ask("POST", "/predict_batch", LARGE))) == 300
    assert len(ask("POST", "/predict_batch", LINES, NDJSON)[2].splitlines()) == 300


def test_where_the_process_cannot_run_the_worker_answers(
    harbour: Harbour, make_worker: MakeWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tabi.serving.large.process.PROGRAM", ("/bin/false",))
    ask = asking(make_worker(harbour.store, "voyage"))
    assert len(predictions(ask("POST", "/predict_batch", LARGE))) == 300
    assert len(predictions(ask("POST", "/predict_batch", LARGE))) == 300
