"""One keep-alive connection of the load generator."""

from __future__ import annotations

import asyncio
from typing import Protocol

from tabi.bench.answers import FramingError, Head, read_head
from tabi.bench.tally import Failure


class Listener(Protocol):
    """Hears what becomes of the requests of its connections."""

    def answered(self, connection: Connection, head: Head, data: bytes | bytearray) -> None:
        """A whole answer has come; its body is `data[head.body : head.end]`."""

    def failed(self, connection: Connection, failure: Failure) -> None:
        """The request under way will not be answered; the connection is gone."""

    def gone(self, connection: Connection) -> None:
        """The connection is gone, and no request was under way."""


class Connection(asyncio.Protocol):
    """At most one request is under way. A connection that is gone is never used again."""

    __slots__ = ("_buffer", "_head", "_listener", "_transport", "begun", "body", "busy")

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._transport: asyncio.WriteTransport | None = None
        self._buffer = bytearray()
        self._head: Head | None = None
        self.busy = False
        self.body = 0
        self.begun = 0.0

    @property
    def open(self) -> bool:
        """Whether it can take a request."""
        return self._transport is not None and not self._transport.is_closing()

    def send(self, request: bytes, body: int, begun: float) -> None:
        """Send a request. `body` and `begun` are kept for the listener."""
        self.body, self.begun, self.busy = body, begun, True
        self._transport.write(request)  # type: ignore[union-attr]  # callers asked whether it is open

    def leave(self) -> None:
        """Close it now."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        self._transport = transport  # type: ignore[assignment]  # that of a TCP connection can write

    def data_received(self, data: bytes | bytearray) -> None:
        """Called by the event loop with a part of an answer, mostly the whole."""
        if not self.busy:
            # bytes that nobody asked for: the next answer could not be told from them
            self.leave()
            return
        if self._buffer:
            self._buffer += data
            data = self._buffer
        try:
            head = self._head or read_head(data)
        except FramingError:
            self._fail("framing")
            return
        if head is None or len(data) < head.end:
            self._head = head
            if data is not self._buffer:
                self._buffer += data
        elif len(data) > head.end:
            self._fail("framing")
        else:
            self._answered(head, data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the event loop gives it
        """Called by the event loop."""
        self._transport = None
        if self.busy:
            self._fail("dropped")
        else:
            self._listener.gone(self)

    def _answered(self, head: Head, data: bytes | bytearray) -> None:
        self.busy = False
        if self._buffer:
            self._buffer, self._head = bytearray(), None
        if head.closes:
            self.leave()
        self._listener.answered(self, head, data)

    def _fail(self, failure: Failure) -> None:
        self.busy = False
        self.leave()
        self._listener.failed(self, failure)
