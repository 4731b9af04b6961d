"""The long way of a request: its ASGI app is called with a scope, takes the body and sends the answer by messages."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

from tabi.serving.http.wire import PIECE, head_of

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
App = Callable[[Scope, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]

# bytes of a body that wait for their app; more are not read from the client
HIGH_WATER = 64 * 1024

_log = logging.getLogger("tabi.serving")


class Line(Protocol):
    """The connection, as far as a cycle needs it."""

    @property
    def dates(self) -> bytes:
        """The web server's own header lines."""

    def write(self, data: bytes | memoryview) -> None:
        """Send bytes to the client."""

    async def drained(self) -> None:
        """Wait until the client has read most of what was written."""

    def pause_reading(self) -> None:
        """Take no more from the client for now."""

    def resume_reading(self) -> None:
        """Take more again."""

    def answered(self, cycle: Cycle) -> None:
        """The answer is written."""

    def failed(self, cycle: Cycle) -> None:
        """The app ended without an answer."""


class Cycle:
    """One request and its answer. `keep_alive`: the connection may be used again afterwards."""

    def __init__(self, line: Line, scope: Scope, *, keep_alive: bool, expects: bool) -> None:
        self.keep_alive = keep_alive
        self.more_body = True
        self.received = 0
        self.started = False
        self._line = line
        self._scope = scope
        self._expects = expects
        self._parts: list[bytes] = []
        self._waiting = 0
        self._changed = asyncio.Event()
        self.silent = False
        self._gone = False
        self._complete = False
        self._given = False
        self._head = b""
        self._chunked = False

    # from the connection

    def feed(self, part: bytes) -> None:
        """A part of the body came."""
        self._parts.append(part)
        self.received += len(part)
        self._waiting += len(part)
        if self._waiting > HIGH_WATER:
            self._line.pause_reading()
        self._changed.set()

    def end(self) -> None:
        """The body is complete."""
        self.more_body = False
        self._changed.set()

    def fall_silent(self) -> None:
        """The client sends no more. It may have left, which shows only when it is written to."""
        self.silent = True
        self._changed.set()

    def leave(self) -> None:
        """Nobody waits for an answer any more."""
        self._gone = True
        self._changed.set()

    async def run(self, app: App) -> None:
        """Call the app; whatever it does, the connection is told of the end."""
        try:
            await app(self._scope, self._receive, self._send)
        except asyncio.CancelledError:
            self._line.failed(self)
            raise
        except Exception:  # noqa: BLE001  the connection says that there is no answer
            _log.exception("a request failed")
        if not self._complete and not self._gone:
            self._line.failed(self)

    # for the app

    async def _receive(self) -> Message:
        if self._expects:
            self._expects = False
            if not self._gone:
                self._line.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        # once the whole body was given, there is only the client's leaving to be told of
        while not self._ended and (self._given or (self.more_body and not self._parts)):
            self._line.resume_reading()
            self._changed.clear()
            await self._changed.wait()
        if self._ended:
            return {"type": "http.disconnect"}
        body = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts, self._waiting, self._given = [], 0, not self.more_body
        return {"type": "http.request", "body": body, "more_body": self.more_body}

    @property
    def _ended(self) -> bool:
        return self._gone or self._complete or (self.silent and self._given)

    async def _send(self, message: Message) -> None:
        if self._gone:
            return
        if message["type"] == "http.response.start":
            self._start(message["status"], message["headers"])
        else:
            await self._write(message.get("body", b""), more=bool(message.get("more_body")))

    def _start(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self._expects = False
        with_length = any(name == b"content-length" for name, _ in headers)
        # an answer whose length is known before its request was read is a refusal: the rest is not waited for
        if with_length and self.more_body:
            self.keep_alive = False
        # an older client knows an end only by the end of the connection
        if not with_length and self._scope["http_version"] == "1.0":
            self.keep_alive = False
        elif not with_length:
            self._chunked = True
        self._head = head_of(status, self._line.dates, headers, close=not self.keep_alive, chunked=self._chunked)
        self.started = True
        if not with_length:
            self._line.write(self._head)
            self._head = b""

    async def _write(self, body: bytes, *, more: bool) -> None:
        head, self._head = self._head, b""
        if self._scope["method"] == "HEAD":
            body = b""
        if self._chunked and body:
            head += b"%x\r\n" % len(body)
        if len(body) <= PIECE:
            self._line.write(head + body + self._after(body, more))
            await self._line.drained()
        else:
            await self._write_large(head, body, self._after(body, more))
        if not more and not self._gone:
            self._complete = True
            self._changed.set()
            self._line.answered(self)

    def _after(self, body: bytes, more: bool) -> bytes:
        if not self._chunked:
            return b""
        return (b"\r\n" if body else b"") + (b"" if more else b"0\r\n\r\n")

    async def _write_large(self, head: bytes, body: bytes, after: bytes) -> None:
        """No more of a long answer is written than its client reads."""
        self._line.write(head)
        view = memoryview(body)
        for start in range(0, len(body), PIECE):
            await self._line.drained()
            if self._gone:
                return
            self._line.write(view[start : start + PIECE])
        if after:
            self._line.write(after)
        await self._line.drained()
