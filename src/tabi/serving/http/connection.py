"""A connection: HTTP/1.1 by httptools, a short way for the hot routes, and bounds on what a client may do.

The short way takes a plain request, `POST` of a hot route with a small body whose length is said, from the parser to
the endpoint without the task, the scope and the messages of ASGI. Whatever is not plain goes the long way, through
the same door, so both ways give the same answers.

Requests of one connection are answered in their order, and what is wrong with one is said in its turn.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from time import perf_counter_ns
from typing import Any
from urllib.parse import unquote_to_bytes

import httptools
from uvicorn.config import Config
from uvicorn.server import ServerState

from tabi.serving.endpoints import Asking
from tabi.serving.http.bounds import BODY, ENDED, HEAD, IDLE, MAX_HEADERS, MAX_QUEUED, MAX_URL, QUEUED_BYTES
from tabi.serving.http.cycle import Cycle, Scope
from tabi.serving.http.door import Door
from tabi.serving.http.heads import Head, read_head
from tabi.serving.http.turns import Turns
from tabi.serving.http.wire import message_of
from tabi.serving.messages import Response
from tabi.serving.problems import RETRY
from tabi.serving.telemetry.trace import Span

_log = logging.getLogger("tabi.serving")


class _RefusedError(Exception):
    """Stops the parser: the request is answered with this, and no other is read."""

    def __init__(self, status: int, detail: str, *headers: tuple[str, str]) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = headers


# the turn of a request that goes the short way
_SHORT = object()


class Connection(Turns):
    """One client."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: Any,  # noqa: ARG002
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        door: Door = config.loaded_app
        super().__init__(door, server_state, _loop or asyncio.get_running_loop())
        self._parser = httptools.HttpRequestParser(self)
        self._server: tuple[str, int] | None = None
        self._client: tuple[str, int] | None = None
        # the request that is being read
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._head: Head | None = None
        self._body = b""

    # the transport

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client came."""
        self._server, self._client = transport.get_extra_info("sockname"), transport.get_extra_info("peername")
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        if self.stage == ENDED:
            return
        self.size = len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError as error:
            self._stopped(error.__context__)
        except httptools.HttpParserError:
            self.refuse(400, "the request is not valid HTTP")
        except httptools.HttpParserUpgrade:
            # no other protocol is spoken: the request is answered, and what follows it is none of ours
            self.stage = ENDED
        if self.stage in (HEAD, BODY):
            self.check_part(None if self.reading is None else self.reading.received)

    def eof_received(self) -> bool:
        """The client sends no more, and may still read: a request that is complete is answered."""
        if self.turn is None or self.turn is self.reading or self.short is not None:
            return False
        if self.reading is not None:
            self.unqueue()
        self.stage = ENDED
        if isinstance(self.turn, Cycle):
            self.turn.fall_silent()
        return True

    # the parser

    def on_message_begin(self) -> None:
        """A request begins."""
        self._url, self._headers = b"", []
        self.stage, self.fresh, self.raw = HEAD, True, 0
        self.began = perf_counter_ns()
        self.since = self.loop.time()

    def on_url(self, url: bytes) -> None:
        """A piece of the URL."""
        self._url += url
        if len(self._url) > MAX_URL:
            raise _RefusedError(414, f"the URL is longer than {MAX_URL} bytes")

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; what stands behind a body is none."""
        if self.stage == HEAD:
            self._headers.append((name.lower(), value))
            if len(self._headers) > MAX_HEADERS:
                raise _RefusedError(431, f"there are more than {MAX_HEADERS} headers: send fewer")

    def on_headers_complete(self) -> None:
        """The head is there: choose the way."""
        self.stage = BODY
        if self.held:
            self.let_go()
        # a head that came with little is not measured
        if self.size > self.limits.headers and _size_of(self._url, self._headers) > self.limits.headers:
            raise _RefusedError(431, "the headers are too large: send fewer")
        endpoint = self.door.endpoints_by_url.get(self._url)
        if endpoint is not None and self.turn is None and self._parser.get_method() == b"POST":
            head = read_head(self._headers)
            if (
                head.plain
                and 0 < head.length <= endpoint.limit
                and endpoint.inline(head.kind, head.accept, head.length)
                and self._parser.should_keep_alive()
                and self._parser.get_http_version() == "1.1"
                and not self.paused_writing
            ):
                self.short, self._head, self._body = endpoint, head, b""
                self.turn = _SHORT
                self.door.watch.begin()
                return
        self._go_the_long_way()

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        if self.short is not None:
            self._body = self._body + body if self._body else body
        elif self.reading is not None:
            self.reading.feed(body)

    def on_message_complete(self) -> None:
        """The request is there."""
        self.stage = IDLE
        endpoint, head = self.short, self._head
        if endpoint is None or head is None:
            self._end_the_long_way()
            return
        if self.held:
            self.let_go()
        door, body, label, request_id = self.door, self._body, endpoint.label, head.request_id
        self.short, self._body = None, b""
        span = door.watch.begin_span(head, label) if door.watch.tracing else None
        if door.admission.enter():
            asking = Asking(self._headers, b"", head.kind, head.accept, body, request_id, self.began, head.unit)
            door.start(endpoint, asking, partial(self._answer, label, request_id, self.began, span))
        else:
            self._reply(label, request_id, self.began, span, door.busy(request_id))

    # the short way's end

    def _answer(self, label: str, request_id: str, began: int, span: Span | None, response: Response) -> None:
        self.door.admission.leave()
        self._reply(label, request_id, began, span, response)

    def _reply(self, label: str, request_id: str, began: int, span: Span | None, response: Response) -> None:
        door = self.door
        door.watch.answered(label, response.status, began, request_id, span)
        if not self.lost:
            close = door.closing and not self.queue
            self.transport.write(message_of(response, self.dates, request_id, close=close))
            self.next()

    # the long way

    def _go_the_long_way(self) -> None:
        scope = self._scope()
        keep_alive = (
            scope["http_version"] == "1.1" and self._parser.should_keep_alive() and not self._parser.should_upgrade()
        )
        expects = any(name == b"expect" and value.lower() == b"100-continue" for name, value in self._headers)
        cycle = Cycle(self, scope, keep_alive=keep_alive, expects=expects)
        if self.turn is None:
            self.reading = cycle
            self.begin(cycle)
            return
        if len(self.queue) >= MAX_QUEUED:
            raise _RefusedError(429, "too many requests wait for their answers: read some first", *RETRY)
        if not self.door.admission.hold(QUEUED_BYTES):
            raise _RefusedError(503, "the server holds too much already: try again in a moment", *RETRY)
        self.reading = cycle
        self.queue.append(cycle)
        self.pause_reading()

    def _scope(self) -> Scope:
        version = self._parser.get_http_version()
        if version not in ("1.0", "1.1"):
            raise _RefusedError(400, "HTTP/1.1 is spoken here")
        codings = b",".join(value.lower() for name, value in self._headers if name == b"transfer-encoding")
        # where chunked is not the last of them, the parser refuses the request itself
        if codings.endswith(b"chunked") and codings != b"chunked":
            raise _RefusedError(501, "of the transfer codings only chunked is known here: send the body as it is")
        if version == "1.1" and sum(name == b"host" for name, _ in self._headers) != 1:
            raise _RefusedError(400, "a request has one Host header")
        try:
            url = httptools.parse_url(self._url)
        except httptools.HttpParserInvalidURLError:
            raise _RefusedError(400, "the URL is not valid") from None
        path: bytes = url.path or b"/"
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": version,
            "server": self._server,
            "client": self._client,
            "scheme": "http",
            "root_path": "",
            "method": self._parser.get_method().decode("ascii"),
            "path": unquote_to_bytes(path).decode("utf-8", "replace"),
            "raw_path": path,
            "query_string": url.query or b"",
            "headers": self._headers,
            "state": {},
        }

    def _end_the_long_way(self) -> None:
        cycle, self.reading = self.reading, None
        if cycle is not None:
            if not cycle.keep_alive:
                # whatever else comes is not looked at
                self.stage = ENDED
            cycle.end()

    # the end

    def _stopped(self, reason: BaseException | None) -> None:
        """Say of a request why the parser was stopped at it."""
        if isinstance(reason, _RefusedError):
            self.refuse(reason.status, str(reason), *reason.headers)
        else:
            _log.error("a connection failed", exc_info=reason)
            self.refuse(500, "the server failed")


def _size_of(url: bytes, headers: list[tuple[bytes, bytes]]) -> int:
    return len(url) + sum(len(name) + len(value) for name, value in headers)
