"""A request from its arrival to its answer, as a collector sees it: its steps, and whom it shared them with."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from scripts.observability.drill.inbox import Inbox, attributes, inbox
from tests.serving.conftest import ROW, Harbour, Server, serving

LIMIT_S = 20.0
PARENT = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture(scope="module")
def collector() -> Iterator[Inbox]:
    with inbox() as found:
        yield found


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("log")


@pytest.fixture(scope="module")
def traced(harbour: Harbour, collector: Inbox, log: Path) -> Iterator[Server]:
    """A server that sends every trace to the collector."""
    environment = {
        "TABI_OTLP_ENDPOINT": collector.url,
        "TABI_TRACE_RATIO": "1",
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "TABI_PREDICTIONS": str(log),
    }
    with serving(harbour.store.root, "voyage", **environment) as running:
        yield running


def spans_of(collector: Inbox, request_id: str) -> tuple[Any, list[Any]]:
    """The span of a request, and those below it in the order of their begin."""
    end = time.monotonic() + LIMIT_S
    while time.monotonic() < end:
        spans = list(collector.spans)
        roots = [span for span in spans if attributes(span).get("tabi.request_id") == request_id]
        if roots:
            below = [span for span in spans if span.parent_span_id == roots[0].span_id]
            return roots[0], sorted(below, key=lambda span: int(span.start_time_unix_nano))
        time.sleep(0.05)
    raise AssertionError(f"no span of {request_id}")


def names(spans: list[Any]) -> list[str]:
    return [span.name for span in spans]


def test_a_row_is_read_routed_decoded_run_and_logged(traced: Server, collector: Inbox) -> None:
    body = json.dumps({"features": ROW}).encode()
    headers = {"x-request-id": "one-row", "traceparent": f"00-{PARENT}-00f067aa0ba902b7-01"}
    assert traced.ask("POST", "/predict", body, headers)[0] == 200
    root, below = spans_of(collector, "one-row")
    assert names(below) == ["route", "decode", "wait", "run", "log", "answer"]
    assert root.trace_id.hex() == PARENT
    told = attributes(below[3])
    assert (told["tabi.model"], told["tabi.rows"]) == ("voyage", 1)
    assert len(told["tabi.version"]) == 64
    # one begins where the other ended, and none lies outside
    for before, after in pairwise(below):
        assert before.end_time_unix_nano == after.start_time_unix_nano
    assert below[0].start_time_unix_nano >= root.start_time_unix_nano
    assert below[-1].end_time_unix_nano <= root.end_time_unix_nano


def test_rows_that_share_a_call_of_the_graph_are_linked(traced: Server, collector: Inbox) -> None:
    body = json.dumps({"features": ROW}).encode()
    head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    for attempt in range(50):
        ids = [f"shared-{attempt}-{place}" for place in range(8)]
        clients = [socket.create_connection((traced.host, traced.port)) for _ in ids]
        for client, request_id in zip(clients, ids, strict=True):
            client.sendall(f"{head}X-Request-ID: {request_id}\r\n\r\n".encode() + body)
        for client in clients:
            assert b"200 OK" in client.recv(4096)
            client.close()
        runs = {each: next(span for span in spans_of(collector, each)[1] if span.name == "run") for each in ids}
        together = {each: run for each, run in runs.items() if attributes(run)["tabi.rows"] > 1}
        if together:
            break
    assert together, "of 400 requests no two met"
    ids_by_span = {spans_of(collector, each)[0].span_id: each for each in ids}
    for each, run in together.items():
        linked = {ids_by_span[link.span_id] for link in run.links}
        assert each not in linked
        assert len(linked) == attributes(run)["tabi.rows"] - 1
        assert all(each in {ids_by_span[link.span_id] for link in runs[other].links} for other in linked)


def test_many_rows_are_read_decoded_run_and_logged(traced: Server, collector: Inbox) -> None:
    body = json.dumps({"rows": [ROW] * 3}).encode()
    assert traced.ask("POST", "/predict_batch", body, {"x-request-id": "three-rows"})[0] == 200
    below = spans_of(collector, "three-rows")[1]
    # `route` says that the policy was asked; the body came before
    assert [name for name in names(below) if name != "read"] == ["route", "decode", "run", "log", "answer"]
    assert attributes(below[names(below).index("run")])["tabi.rows"] == 3


def test_large_requests_say_how_long_their_process_took(traced: Server, collector: Inbox) -> None:
    body = json.dumps({"rows": [ROW] * 500}).encode()
    assert traced.ask("POST", "/predict_batch", body, {"x-request-id": "many-rows"})[0] == 200
    assert names(spans_of(collector, "many-rows")[1]) == ["read", "large", "answer"]


def test_a_request_that_is_refused_has_the_steps_that_it_came_to(traced: Server, collector: Inbox) -> None:
    assert traced.ask("POST", "/predict", b"{", {"x-request-id": "refused"})[0] == 422
    root, below = spans_of(collector, "refused")
    assert names(below) == ["route", "answer"]
    assert attributes(root)["http.response.status_code"] == 422


def test_one_request_id_is_in_the_answer_the_log_and_the_trace_to_which_a_metric_leads(
    traced: Server, collector: Inbox, log: Path
) -> None:
    _, headers, answer = traced.ask("POST", "/predict", json.dumps({"features": ROW}).encode())
    request_id = headers["x-request-id"]
    assert answer["request_id"] == request_id
    root, _ = spans_of(collector, request_id)
    lines = [json.loads(line) for path in log.glob("*.jsonl") for line in path.read_bytes().splitlines()]
    assert [line["id"] for line in lines].count(request_id) == 1
    accept = {"accept": "application/openmetrics-text;version=1.0.0"}
    text = traced.ask("GET", "/metrics", None, accept)[2].decode()
    shown = {part.partition('"')[0] for part in text.split('# {trace_id="')[1:]}
    # of its bucket the latest request is shown, and nobody asked since
    assert root.trace_id.hex() in shown
