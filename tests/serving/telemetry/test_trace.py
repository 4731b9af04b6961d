"""Traces arrive at a real collector as the W3C and OpenTelemetry have it, and cost nothing where they are off."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tabi import __version__
from tabi.errors import ConfigError
from tabi.serving.telemetry.trace import Tracer

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED, UNSAMPLED = f"00-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-00"


@dataclass
class Collector:
    """A server that takes traces by OTLP over HTTP."""

    url: str
    paths: list[str] = field(default_factory=list)
    received: list[ExportTraceServiceRequest] = field(default_factory=list)

    @property
    def spans(self) -> list[Any]:
        return [
            span
            for request in self.received
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    @property
    def resource(self) -> dict[str, str]:
        (resource,) = self.received[0].resource_spans
        return {item.key: item.value.string_value for item in resource.resource.attributes}


@pytest.fixture
def collector() -> Iterator[Collector]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            found.paths.append(self.path)
            found.received.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  named by the library
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found = Collector(f"http://127.0.0.1:{server.server_address[1]}")
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()


def attributes(span: Any) -> dict[str, Any]:
    return {item.key: getattr(item.value, item.value.WhichOneof("value")) for item in span.attributes}


def tracer(collector: Collector, ratio: str = "1", **more: str) -> Tracer:
    return Tracer.from_environment({"TABI_OTLP_ENDPOINT": collector.url, "TABI_TRACE_RATIO": ratio, **more})


def test_a_sampled_request_is_a_span_of_its_callers_trace(collector: Collector) -> None:
    tracing = tracer(collector, "0")
    span = tracing.begin(SAMPLED, "/predict", "r1")
    assert span is not None
    span.end(200, {"tabi.model": "adult", "tabi.version": "ab" * 32})
    tracing.close()
    (found,) = collector.spans
    assert collector.paths == ["/v1/traces"]
    assert (found.trace_id.hex(), found.parent_span_id.hex()) == (TRACE, SPAN)
    assert found.name == "POST /predict"
    assert found.kind == found.SPAN_KIND_SERVER
    assert attributes(found) == {
        "http.request.method": "POST",
        "http.route": "/predict",
        "http.response.status_code": 200,
        "tabi.request_id": "r1",
        "tabi.model": "adult",
        "tabi.version": "ab" * 32,
    }
    assert found.status.code == found.status.STATUS_CODE_UNSET
    assert 0 < found.start_time_unix_nano <= found.end_time_unix_nano
    assert (collector.resource["service.name"], collector.resource["service.version"]) == ("tabi", __version__)


def test_the_context_that_goes_out_is_that_of_the_span(collector: Collector) -> None:
    tracing = tracer(collector)
    span = tracing.begin(None, "/predict", "r1")
    assert span is not None
    span.end(200)
    tracing.close()
    (found,) = collector.spans
    assert span.traceparent == f"00-{found.trace_id.hex()}-{found.span_id.hex()}-01"
    assert f"{span.trace_id:032x}" == found.trace_id.hex()
    assert found.parent_span_id == b""


@pytest.mark.parametrize(("status", "failed"), [(422, False), (500, True), (503, True)])
def test_only_a_fault_of_the_server_is_an_error(collector: Collector, status: int, failed: bool) -> None:
    tracing = tracer(collector)
    span = tracing.begin(None, "/predict", "r1", "GET")
    assert span is not None
    span.end(status)
    tracing.close()
    (found,) = collector.spans
    assert found.name == "GET /predict"
    assert (found.status.code == found.status.STATUS_CODE_ERROR) == failed
    assert attributes(found).get("error.type") == (str(status) if failed else None)


def test_a_parent_decides_and_the_ratio_only_where_there_is_none(collector: Collector) -> None:
    never, always = tracer(collector, "0"), tracer(collector, "1")
    for later in ("", "-00"):
        version = "cc" if later else "00"
        assert never.begin(f"{version}{SAMPLED[2:]}{later}", "/", "r") is not None
        assert always.begin(f"{version}{UNSAMPLED[2:]}{later}", "/", "r") is None
    assert never.begin(None, "/", "r") is None
    assert always.begin(None, "/", "r") is not None
    never.close()
    always.close()


MALFORMED = [
    "",
    "00",
    SAMPLED.upper(),
    SAMPLED + " ",
    SAMPLED + "-00",
    SAMPLED[:-1],
    f"ff-{TRACE}-{SPAN}-01",
    f"00-{'0' * 32}-{SPAN}-01",
    f"00-{TRACE}-{'0' * 16}-01",
    SAMPLED.replace("4b", "4g"),
    "00_" + SAMPLED[3:],
]


@pytest.mark.parametrize("header", MALFORMED)
def test_a_malformed_parent_is_none(collector: Collector, header: str) -> None:
    never, always = tracer(collector, "0"), tracer(collector, "1")
    assert never.begin(header, "/", "r") is None
    span = always.begin(header, "/", "r")
    assert span is not None
    assert TRACE not in span.traceparent
    never.close()
    always.close()


def test_a_share_of_the_requests_is_sampled(collector: Collector) -> None:
    tracing = tracer(collector, "0.1")
    sampled = sum(tracing.begin(None, "/", "r") is not None for _ in range(5_000))
    # ten standard deviations on either side
    assert 290 < sampled < 710
    tracing.close()


def test_the_fields_own_variables_turn_it_on_too(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    monkeypatch.setenv("OTEL_SERVICE_NAME", "credit")
    monkeypatch.setenv("TABI_TRACE_RATIO", "1")
    tracing = Tracer.from_environment()
    span = tracing.begin(None, "/predict", "r1")
    assert span is not None
    span.end(200)
    tracing.close()
    assert collector.paths == ["/v1/traces"]
    assert collector.resource["service.name"] == "credit"
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert not Tracer.from_environment().on


@given(st.none() | st.text() | st.just(SAMPLED))
def test_nothing_is_sampled_while_it_is_off(header: str | None) -> None:
    tracing = Tracer.from_environment({})
    assert not tracing.on
    assert tracing.begin(header, "/predict", "r1") is None
    tracing.close()


def test_nothing_is_imported_while_it_is_off() -> None:
    code = (
        "import sys\nfrom tabi.serving.telemetry.trace import Tracer\n"
        f"assert Tracer.from_environment({{}}).begin({SAMPLED!r}, '/', 'r') is None\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said == "[]\n"


def test_a_collector_that_is_down_keeps_no_server_from_stopping() -> None:
    # in a process of its own: the exporter's thread goes on trying for a while, and tests that come after would see it
    code = (
        "from tabi.serving.telemetry.trace import Tracer\n"
        "tracing = Tracer.from_environment({'TABI_OTLP_ENDPOINT': 'http://127.0.0.1:1', 'TABI_TRACE_RATIO': '1'})\n"
        "tracing.begin(None, '/', 'r').end(200)\n"
        "tracing.close()\n"
        "print(tracing.begin(None, '/', 'r'))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout == "None\n"


@pytest.mark.parametrize("ratio", ["1.5", "-0.1", "often", "nan"])
def test_a_ratio_that_is_no_share_is_a_wrong_configuration(ratio: str) -> None:
    with pytest.raises(ConfigError, match="TABI_TRACE_RATIO is no share"):
        Tracer.from_environment({"TABI_OTLP_ENDPOINT": "http://127.0.0.1:1", "TABI_TRACE_RATIO": ratio})


def test_an_endpoint_that_is_no_url_is_a_wrong_configuration() -> None:
    with pytest.raises(ConfigError, match="TABI_OTLP_ENDPOINT is no URL"):
        Tracer.from_environment({"TABI_OTLP_ENDPOINT": "localhost:4318"})


def test_without_the_extra_a_configured_collector_is_a_wrong_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(ConfigError, match=r"install tabi\[trace\]"):
        Tracer.from_environment({"TABI_OTLP_ENDPOINT": "http://127.0.0.1:1"})
