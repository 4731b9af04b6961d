"""A server process seen from outside: its log lines, traces, prediction log and answers under load."""

from __future__ import annotations

import json
import re
import struct
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tabi.errors import StoreError
from tabi.predictions import LogReader
from tabi.serving.messages import Row
from tests.serving.conftest import CITIES, ROW, SEXES, Harbour, MakeWorker, Server, asking, serving

BODY = json.dumps({"features": ROW}).encode()
WAIT_S = 20
# no file that the process writes may grow beyond this: as on a full disk, the write fails
FILE_BYTES = 300_000
FULL = f"""
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, ({FILE_BYTES}, {FILE_BYTES}))
from tabi.cli.main import main
main()
"""
# a model that fails on whatever it is given
FAILING = """
from tabi.serving import model
def fail(self, tensors):
    raise RuntimeError("a secret value")
from tabi.serving import batching
from tabi.serving.model import Model
Model.run = fail
from tabi.cli.main import main
main()
"""


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)


def lines_of(server: Server) -> list[dict[str, Any]]:
    """Stop it; every line that it wrote after the first, which is for people."""
    code, out, err = server.stop()
    assert (code, err) == (0, "")
    return [json.loads(line) for line in out.splitlines()]


def lost(server: Server) -> float:
    text = server.ask("GET", "/metrics")[2].decode()
    return float(re.search(r"^tabi_prediction_log_lost_total (\S+)$", text, re.MULTILINE)[1])  # type: ignore[index]


def test_a_request_that_was_answered_well_is_no_line_unless_it_is_asked_for(harbour: Harbour) -> None:
    for options, expected in (((), []), (("--access-log",), ["mine", "yours"])):
        with serving(harbour.store.root, "voyage", options=options) as server:
            assert server.ask("POST", "/predict", BODY, {"x-request-id": "mine"})[1]["x-request-id"] == "mine"
            assert server.ask("POST", "/predict", b"{", {"x-request-id": "yours"})[0] == 422
            lines = lines_of(server)
        assert [line["request_id"] for line in lines if line["message"] == "answered"] == expected
        assert [line["status"] for line in lines if line["message"] == "answered"] == [200, 422][: len(expected)]
        assert {line["level"] for line in lines} <= {"info"}


def test_an_error_is_always_a_line_with_the_id_that_its_caller_was_given(harbour: Harbour) -> None:
    with serving(harbour.store.root, "voyage", begin=(sys.executable, "-c", FAILING)) as server:
        status, headers, problem = server.ask("POST", "/predict", BODY)
        lines = lines_of(server)
    assert (status, problem["request_id"]) == (500, headers["x-request-id"])
    assert "secret" not in json.dumps(problem)
    of_request = [line for line in lines if headers["x-request-id"] in json.dumps(line)]
    assert {line["level"] for line in of_request} == {"error"}
    assert any("a secret value" in line.get("traceback", "") for line in of_request)
    (answered,) = [line for line in of_request if line["message"] == "answered"]
    assert (answered["status"], answered["route"]) == (500, "/predict")
    assert answered["ms"] > 0


class Collector:
    """Takes spans by OTLP over HTTP."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        taking = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                    for scope in resource.scope_spans:
                        taking.spans += scope.spans
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.server.shutdown()
    collector.server.server_close()


def test_a_trace_goes_through_a_server_under_one_request_id(harbour: Harbour, collector: Collector) -> None:
    trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    with serving(harbour.store.root, "voyage", TABI_OTLP_ENDPOINT=collector.url, TABI_TRACE_RATIO="1") as server:
        asked = [
            (BODY, {"traceparent": f"00-{trace}-{parent}-01", "x-request-id": "followed"}),
            (BODY, {"traceparent": f"00-{'a' * 32}-{parent}-00", "x-request-id": "not-sampled"}),
            (BODY, {"x-request-id": "begun-here"}),
            (b"{", {"x-request-id": "refused"}),
        ]
        for body, headers in asked:
            server.ask("POST", "/predict", body, headers)
        metrics = server.ask("GET", "/metrics", None, {"accept": "application/openmetrics-text"})[2].decode()
        # what waits is sent before the end
        assert server.stop()[0] == 0
    spans = {attribute(span, "tabi.request_id"): span for span in collector.spans}
    assert {"followed", "begun-here", "refused"} <= set(spans)
    assert "not-sampled" not in spans
    followed = spans["followed"]
    assert (followed.trace_id.hex(), followed.parent_span_id.hex()) == (trace, parent)
    assert attribute(followed, "http.response.status_code") == 200
    assert attribute(spans["refused"], "http.response.status_code") == 422
    assert spans["begun-here"].parent_span_id == b""
    # the histogram leads to a trace that was sampled
    assert any(span.trace_id.hex() in metrics for span in spans.values())
    assert {line.id for line in LogReader(harbour.store.root / "predictions")} >= {"followed", "not-sampled"}


def attribute(span: Any, name: str) -> Any:
    for item in span.attributes:
        if item.key == name:
            return item.value.string_value or item.value.int_value
    return None


def test_a_log_that_fills_its_disk_stops_no_answer(harbour: Harbour, tmp_path: Path) -> None:
    rows = json.dumps({"rows": [ROW] * 50}).encode()
    with serving(
        harbour.store.root, "voyage", begin=(sys.executable, "-c", FULL), TABI_PREDICTIONS=str(tmp_path / "log")
    ) as server:
        asked = 0
        while lost(server) == 0:
            for _ in range(10):
                assert server.ask("POST", "/predict_batch", rows)[0] == 200
                asked += 50
            assert asked < 10_000
        _, _, ready = server.ask("GET", "/readyz")
        assert ready["status"] == "degraded"
        assert "prediction log" in ready["problems"][0]
        assert str(tmp_path) not in json.dumps(ready)
        until(lambda: lost(server) + len(list(LogReader(tmp_path / "log"))) == asked)
        assert server.stop()[0] == 0


def test_a_log_whose_folder_cannot_be_made_stops_no_answer_until_it_can(harbour: Harbour, tmp_path: Path) -> None:
    (tmp_path / "log").write_text("a file stands where the folder should be")
    with serving(harbour.store.root, "voyage", TABI_PREDICTIONS=str(tmp_path / "log")) as server:
        for _ in range(3):
            assert server.ask("POST", "/predict", BODY)[0] == 200
        until(lambda: lost(server) == 3)
        assert server.ask("GET", "/readyz")[2]["status"] == "degraded"
        (tmp_path / "log").unlink()

        def logged() -> bool:
            assert server.ask("POST", "/predict", BODY)[0] == 200
            return (tmp_path / "log").is_dir()

        until(logged)
        assert server.ask("GET", "/readyz")[2]["status"] == "ready"


def test_what_goes_wrong_while_it_looks_at_the_store_is_told_once(
    harbour: Harbour, make_worker: MakeWorker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    worker = make_worker(harbour.store, "voyage")

    def fail() -> None:
        raise StoreError("no more files")

    with monkeypatch.context() as patched:
        patched.setattr(worker.models._agreement, "wanted", fail)
        for _ in range(5):
            worker.follow()
    worker.follow()
    assert caplog.text.count("looking at the store failed") == 1
    assert asking(worker)("POST", "/predict", BODY)[0] == 200


# what a lenient, a strict and a linear model take, and what each of them refuses
SOUND: list[Row] = [
    {"age": index * 7 % 90, "fare": index / 3, "sex": SEXES[index % 2], "city": CITIES[index % 3]}
    for index in range(30)
]
ROWS: list[Row] = [
    *SOUND,
    {},
    {"age": "x", "fare": None},
    {"age": 1e308, "fare": 1e308},
    {"age": 10**400},
    {"age": 200, "zone": True},
    {"sex": "unknown"},
]


@pytest.mark.parametrize("name", ["voyage", "strict", "linear"])
def test_a_row_among_those_of_many_others_is_answered_as_it_is_alone(harbour: Harbour, name: str) -> None:
    """Many connections at once share turns; some of their rows are refused in the midst of them."""
    bodies = [json.dumps({"features": row}).encode() for row in ROWS]
    with serving(harbour.store.root, name) as server:
        alone = [essence(server.ask("POST", "/predict", body)) for body in bodies]

        def ask_all(offset: int) -> None:
            connection = server.connect()
            for index in [*range(offset, len(bodies)), *range(offset)] * 4:
                connection.request("POST", "/predict", bodies[index])
                response = connection.getresponse()
                found = essence((response.status, {}, json.loads(response.read())))
                assert found == alone[index]
            connection.close()

        with ThreadPoolExecutor(24) as pool:
            for done in [pool.submit(ask_all, offset) for offset in range(24)]:
                done.result()
        assert {status for status, *_ in alone} == {200, 422}


def essence(answer: tuple[int, Any, Any]) -> tuple[Any, ...]:
    """An answer to the last bit, without the id of its request."""
    status, _, content = answer
    if status != 200:
        return status, content["errors"]
    return status, content["label"], struct.pack("<d", content["probability"]), content["warnings"]
