"""A connection: the web server's own, with a short way for the hot routes and bounds on what a client may do.

The short way takes a plain request, `POST` of a hot route with a small body whose length is said, from the parser to
the endpoint without the task, the scope and the messages of ASGI. Whatever is not plain goes the long way, through
the same door, so both ways give the same answers.
"""

from __future__ import annotations

import asyncio
from time import perf_counter_ns
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from tabi.serving.endpoints import Asking, Endpoint
from tabi.serving.http.door import SECURITY, Door
from tabi.serving.http.heads import Head, new_request_id, read_head
from tabi.serving.messages import Response
from tabi.serving.problems import problem
from tabi.serving.telemetry.trace import Span

MAX_URL = 8 * 1024

_TAIL = b"".join(b"\r\n%b: %b" % header for header in SECURITY) + b"\r\n\r\n"


class _Cycle:
    """Stands where the web server keeps the request that is being answered."""

    __slots__ = ("disconnected", "keep_alive", "message_event", "more_body", "response_complete")

    def __init__(self) -> None:
        self.response_complete = True
        self.disconnected = False
        self.keep_alive = True
        self.more_body = False
        self.message_event = asyncio.Event()


class Connection(HttpToolsProtocol):
    """One client. `since`: when what it does now began, by the loop's clock."""

    app: Door

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # only now is the app loaded
        self.door: Door = self.config.loaded_app
        self.limits = self.door.limits
        self.since = self.loop.time()
        self._reading_head = False
        self._reading_body = False
        self._head_bytes = 0
        self._hot = _Cycle()
        self._endpoint: Endpoint | None = None
        self._head: Head | None = None
        self._body = b""
        self._began = 0
        self._span: Span | None = None
        self._dated: Any = None
        self._date = b""
        self._refused = (400, "the request is not valid HTTP")

    # what the parser calls

    def on_message_begin(self) -> None:
        """A request begins. The scope is built only for the long way."""
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._endpoint = None
        self._reading_head = True
        self._began = perf_counter_ns()
        self.since = self.loop.time()

    def on_url(self, url: bytes) -> None:
        """A piece of the URL."""
        self.url += url
        if len(self.url) > MAX_URL:
            self._refuse(414, f"the URL is longer than {MAX_URL} bytes")

    def on_headers_complete(self) -> None:
        """The head is there: choose the way."""
        self._reading_head = False
        self._reading_body = True
        endpoint = self.door.endpoints_by_url.get(self.url)
        cycle = self.cycle
        if endpoint is not None and (cycle is None or cycle.response_complete) and self.parser.get_method() == b"POST":
            head = read_head(self.headers)
            if (
                head.plain
                and head.length > 0
                and endpoint.inline(head.kind, head.length)
                and self.parser.should_keep_alive()
                and self.parser.get_http_version() == "1.1"
                and not self.flow.write_paused
                and self.door.admit(head.length)
            ):
                self._endpoint, self._head, self._body = endpoint, head, b""
                hot = self._hot
                hot.response_complete, hot.keep_alive = False, True
                self.cycle = hot  # type: ignore[assignment]
                return
        self._go_the_long_way()

    def _go_the_long_way(self) -> None:
        url, headers = self.url, self.headers
        super().on_message_begin()
        self.url = url
        self.headers.extend(headers)
        self.expect_100_continue = any(n == b"expect" and v.lower() == b"100-continue" for n, v in headers)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        if self._endpoint is None:
            super().on_body(body)
        else:
            self._body = self._body + body if self._body else body

    def on_message_complete(self) -> None:
        """The request is there."""
        self._reading_body = False
        endpoint, head = self._endpoint, self._head
        if endpoint is None or head is None:
            super().on_message_complete()
            return
        self._span = self.door.watch.begin_span(head, endpoint.label) if self.door.watch.tracing else None
        asking = Asking(self.headers, b"", head.kind, self._body, head.request_id, self._began)
        self._body = b""
        self.door.start(endpoint, asking, self._answer)

    # the short way's end

    def _answer(self, response: Response) -> None:
        """Write an answer and take the next request."""
        head, endpoint = self._head, self._endpoint
        assert head is not None and endpoint is not None  # noqa: S101, PT018  set before the door was asked
        door, hot = self.door, self._hot
        door.admission.leave(head.length)
        door.watch.answered(endpoint.label, response.status, self._began, head.request_id, self._span)
        hot.response_complete = True
        if hot.disconnected or self.transport.is_closing():
            return
        self.transport.write(self._message(response, head.request_id, close=not hot.keep_alive))
        if hot.keep_alive:
            self.on_response_complete()
        else:
            self.transport.close()

    def _message(self, response: Response, request_id: str, *, close: bool = False) -> bytes:
        """An answer as it goes over the wire."""
        content_type, headers = response.content_type, response.headers
        more = "".join(f"{name}: {value}\r\n" for name, value in headers) if headers else ""
        return b"%b%bcontent-type: %b\r\n%b%bx-request-id: %b\r\ncontent-length: %d%b%b" % (
            STATUS_LINE[response.status],
            self._dates(),
            content_type.encode(),
            more.encode("latin-1"),
            b"connection: close\r\n" if close else b"",
            request_id.encode(),
            len(response.content),
            _TAIL,
            response.content,
        )

    def _dates(self) -> bytes:
        """The web server's own headers, which it renews every second."""
        headers = self.server_state.default_headers
        if headers is not self._dated:
            self._dated = headers
            self._date = b"".join(b"%b: %b\r\n" % header for header in headers)
        return self._date

    def on_response_complete(self) -> None:
        """Start the next request of the same connection, or wait for one. No timer is set: `check` looks at all."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.since = self.loop.time()
        self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)

    # bounds

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client came; one too many is sent away at once."""
        super().connection_made(transport)
        self.since = self.loop.time()
        if len(self.connections) > self.limits.connections:
            self.door.watch.reject("connections")
            self._send_away(problem(503, "the server has too many connections", new_request_id(), ("retry-after", "1")))

    def data_received(self, data: bytes) -> None:
        """Bytes came. A head is bounded by what has come of it, whether or not a line of it is complete."""
        super().data_received(data)
        if self._reading_head:
            self._head_bytes += len(data)
            if self._head_bytes > self.limits.headers and not self.transport.is_closing():
                self._send_away(problem(431, "the headers are too large: send fewer", new_request_id()))
        else:
            self._head_bytes = 0

    def check(self, now: float) -> None:
        """Close the connection if its client takes too long."""
        lasted = now - self.since
        limits = self.limits
        if self.transport.is_closing() or (self._idle and self.transport.get_write_buffer_size()):
            # what its client does not read is not waited for
            if lasted > limits.body_time:
                self.transport.abort()
        elif self._reading_head and lasted > limits.header_time:
            self._send_away(problem(408, "the headers did not arrive in time", new_request_id()))
        elif self._reading_body and lasted > limits.body_time:
            self._send_away(problem(408, "the body did not arrive in time", new_request_id()))
        elif self._idle and lasted > (limits.header_time if self.cycle is None else limits.idle_time):
            self.transport.close()

    @property
    def _idle(self) -> bool:
        """Whether nothing is being asked or answered."""
        answered = self.cycle is None or self.cycle.response_complete
        return answered and not self._reading_head and not self._reading_body

    def connection_lost(self, exc: Exception | None) -> None:
        """The client went away. A request that it had begun holds nothing any more."""
        if self._endpoint is not None and self._reading_body and self._head is not None:
            self.door.admission.leave(self._head.length)
            self.door.watch.gone(self._endpoint.label, None)
        self._reading_head = self._reading_body = False
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002
        """Say in our own form what is wrong with the bytes."""
        status, detail = self._refused
        self._send_away(problem(status, detail, new_request_id()))

    def _refuse(self, status: int, detail: str) -> None:
        """Stop the parser."""
        self._refused = (status, detail)
        raise httptools.HttpParserError(detail)

    def _send_away(self, response: Response) -> None:
        cycle = self.cycle
        if cycle is None or cycle.response_complete or not getattr(cycle, "response_started", False):
            self.transport.write(self._message(response, new_request_id(), close=True))
        self.since = self.loop.time()
        self.transport.close()
