"""Who is told: an HTTP server that takes what the Alertmanager sends, and one that takes spans by OTLP."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tabi.errors import TabiError

POLL_S = 0.1


class Told(NamedTuple):
    """An alert as a receiver got it. `at`: by the monotonic clock."""

    at: float
    receiver: str
    status: str
    labels: dict[str, str]
    annotations: dict[str, str]


@dataclass
class Inbox:
    """What arrived."""

    url: str
    told: list[Told] = field(default_factory=list)
    spans: list[Any] = field(default_factory=list)

    def find(self, name: str, status: str = "firing", since: float = 0.0, **labels: str) -> Told | None:
        """The first alert of that name and status after a moment."""
        for told in list(self.told):
            of_it = told.labels.get("alertname") == name and told.status == status and told.at >= since
            if of_it and labels.items() <= told.labels.items():
                return told
        return None

    def wait(self, name: str, limit_s: float, status: str = "firing", since: float = 0.0, **labels: str) -> Told:
        """As `find`, when it has come; `TabiError` if it does not in time."""
        end = time.monotonic() + limit_s
        while (told := self.find(name, status, since, **labels)) is None:
            if time.monotonic() > end:
                seen = sorted({(each.labels["alertname"], each.status) for each in self.told})
                raise TabiError(f"{name} was not told as {status} within {limit_s:.0f} s; told were {seen}")
            time.sleep(POLL_S)
        return told


@contextmanager
def inbox() -> Iterator[Inbox]:
    """Listen on a free port of loopback."""
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        found = Inbox(f"http://127.0.0.1:{server.server_address[1]}")
        server.RequestHandlerClass = _handler(found)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()


def _handler(found: Inbox) -> type[BaseHTTPRequestHandler]:
    takes: dict[str, Callable[[bytes], None]] = {
        "/v1/traces": lambda body: found.spans.extend(spans_in(body)),
        **{f"/{name}": _taker(found, name) for name in ("page", "ticket", "heartbeat")},
    }

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            take = takes.get(self.path)
            if take is not None:
                take(body)
            self.send_response(404 if take is None else 200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  named by the library
            pass

    return Handler


def _taker(found: Inbox, receiver: str) -> Callable[[bytes], None]:
    def take(body: bytes) -> None:
        for alert in json.loads(body)["alerts"]:
            told = Told(time.monotonic(), receiver, alert["status"], alert["labels"], alert["annotations"])
            found.told.append(told)

    return take


def spans_in(body: bytes) -> list[Any]:
    """The spans of one request of OTLP over HTTP."""
    request = ExportTraceServiceRequest.FromString(body)
    return [span for resource in request.resource_spans for scope in resource.scope_spans for span in scope.spans]


def attributes(span: Any) -> dict[str, Any]:
    """A span's attributes as plain values."""
    return {item.key: getattr(item.value, item.value.WhichOneof("value")) for item in span.attributes}
