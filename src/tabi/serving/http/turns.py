"""The turns of a connection's requests: answers come in their order, and what is wrong with one is said in its turn."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from uvicorn.server import ServerState

from tabi.serving.endpoints import Endpoint
from tabi.serving.http.bounds import ENDED, QUEUED_BYTES, Bounds
from tabi.serving.http.cycle import Cycle
from tabi.serving.http.door import Door
from tabi.serving.http.heads import new_request_id
from tabi.serving.http.wire import message_of
from tabi.serving.problems import problem


class Turns(Bounds):
    """A connection's requests after they are read.

    `short`: the endpoint of a request of the short way whose body is not complete. `reading`: the request of the long
    way whose body is not complete.
    """

    def __init__(self, door: Door, state: ServerState, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(door, state.connections, loop)  # type: ignore[arg-type]
        self.short: Endpoint | None = None
        self.reading: Cycle | None = None
        # the requests behind the one that is being answered, and what is said after all of them
        self.queue: deque[Cycle] = deque()
        self._last_words = b""
        self._state = state
        self._dated: Any = None
        self._dates = b""

    def connection_lost(self, exc: Exception | None) -> None:
        """The client went away."""
        if self.short is not None:
            self.door.watch.gone(self.short.label, None)
        super().connection_lost(exc)
        for cycle in (self.turn, *self.queue):
            if isinstance(cycle, Cycle):
                cycle.leave()
        self._drop_queue()

    def shutdown(self) -> None:
        """The server stops: answer what is being asked, and close."""
        self.door.closing = True
        if self.turn is None:
            self.transport.close()
        elif isinstance(self.turn, Cycle) and not self.queue:
            self.turn.keep_alive = False

    # a turn

    def begin(self, cycle: Cycle) -> None:
        """It is the turn of this request."""
        self.turn = cycle
        if self.door.closing and not self.queue:
            cycle.keep_alive = False
        task = self.loop.create_task(cycle.run(self.door))
        task.add_done_callback(self._state.tasks.discard)
        self._state.tasks.add(task)

    def next(self) -> None:
        """An answer is written: begin with the next request, or wait for one. No timer is set: `check` looks at all."""
        self._state.total_requests += 1
        self.turn = None
        self.since = self.loop.time()
        if self.queue:
            self.door.admission.free(QUEUED_BYTES)
            self.begin(self.queue.popleft())
        elif self._last_words or self.stage == ENDED:
            self.part(self._last_words)
        elif self.door.closing:
            self.transport.close()
        if self.paused_reading:
            self.resume_reading()

    def answered(self, cycle: Cycle) -> None:
        """The answer of the long way is written."""
        if self.lost or cycle is not self.turn:
            return
        if cycle.keep_alive and not cycle.more_body:
            self.next()
        else:
            self._end(b"")

    def failed(self, cycle: Cycle) -> None:
        """The app ended without an answer."""
        if self.lost or cycle is not self.turn:
            return
        if cycle.silent and not cycle.started:
            self._end(b"")
        elif cycle.started:
            # that the answer is cut short is all that can still be said
            self.transport.abort()
        else:
            cycle.leave()
            self._end(self._words(500, "the server failed"))

    # the end

    def refuse(self, status: int, detail: str, *headers: tuple[str, str]) -> None:
        """Say, after the answers before it, why no more is read; then close."""
        if self.stage == ENDED:
            return
        words = self._words(status, detail, *headers)
        reading, self.reading = self.reading, None
        self.stage = ENDED
        if self.short is not None:
            self.door.watch.answered(self.short.label, status, self.began, "", None)
            self.short, self.turn = None, None
        elif reading is not None and reading is self.turn:
            if reading.started:
                self.transport.abort()
                return
            reading.leave()
            self.turn = None
        elif reading is not None:
            self.unqueue()
        if self.turn is None:
            self.part(words)
        else:
            self._last_words = words

    def _end(self, words: bytes) -> None:
        """Close; the requests behind the one that was answered are not."""
        self._drop_queue()
        self.turn, self.reading, self._last_words = None, None, b""
        self.part(words)

    def _words(self, status: int, detail: str, *headers: tuple[str, str]) -> bytes:
        request_id = new_request_id()
        return message_of(problem(status, detail, request_id, *headers), self.dates, request_id, close=True)

    def unqueue(self) -> None:
        """The last request of the queue is not complete, and never will be."""
        self.queue.pop()
        self.reading = None
        self.door.admission.free(QUEUED_BYTES)

    def _drop_queue(self) -> None:
        self.door.admission.free(QUEUED_BYTES * len(self.queue))
        self.queue.clear()

    def resume_reading(self) -> None:
        """Take more again, unless requests wait here that have come before."""
        if not self.queue:
            super().resume_reading()

    @property
    def dates(self) -> bytes:
        """The web server's own header lines, which it renews every second."""
        headers = self._state.default_headers
        if headers is not self._dated:
            self._dated = headers
            self._dates = b"".join(b"%b: %b\r\n" % header for header in headers)
        return self._dates
