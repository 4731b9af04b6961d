"""What a client may do to a connection: how much it may send and leave unread, and how long it may take."""

from __future__ import annotations

import asyncio
from collections.abc import MutableSet
from typing import TYPE_CHECKING

from tabi.serving.problems import RETRY

if TYPE_CHECKING:
    from tabi.serving.http.door import Door

MAX_URL = 8 * 1024
MAX_HEADERS = 128
# requests of one connection that wait for the answers before them, and about what each of them costs
MAX_QUEUED = 100
QUEUED_BYTES = 4096
# what a client still sends after the last answer is taken for so long, so that it can read that answer
LINGER_SECONDS = 2.0
# a connection that does nothing for so long makes room for a new one
YIELD_SECONDS = 1.0
# bytes of chunks' sizes, extensions and trailers beside the body's own
_FRAMING = 512 * 1024
_FRAMING_RATIO = 8

# what a connection is reading: nothing yet, a head, a body, or nothing any more
IDLE, HEAD, BODY, ENDED = range(4)


class Bounds(asyncio.Protocol):
    """A connection's bounds. `since`: when what it does now began, by the loop's clock.

    `turn`: the request that is being answered, None if there is none.
    """

    transport: asyncio.Transport
    turn: object = None

    def __init__(self, door: Door, connections: MutableSet[Bounds], loop: asyncio.AbstractEventLoop) -> None:
        self.door = door
        self.limits = door.limits
        self.loop = loop
        self.since = loop.time()
        self.stage = IDLE
        self.began = 0
        self.lost = False
        self._connections = connections
        # of the request that is being read: the size of the last piece, what came of it in several, what of it is held
        self.size = 0
        self.fresh = True
        self.raw = 0
        self.held = 0
        self._moved = 0
        self.paused_reading = False
        # of the answers: whether too much is unread, what of it is held, and since when it lies there
        self.paused_writing = False
        self._unread = 0
        self._unsent = 0
        self._unsent_since = 0.0
        self._readers: asyncio.Future[None] | None = None

    def refuse(self, status: int, detail: str, *headers: tuple[str, str]) -> None:
        """Say why no more is read, and close."""
        raise NotImplementedError

    # how many

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client came; one too many is sent away at once."""
        self.transport = transport
        self._connections.add(self)
        if len(self._connections) > self.door.most_connections:
            self._make_room()
        if len(self._connections) > self.door.most_connections:
            self.door.watch.reject("connections")
            self.refuse(503, "the server has too many connections: try again in a moment", *RETRY)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """The client is gone, and holds nothing any more."""
        self.lost = True
        self._connections.discard(self)
        self.let_go()
        self.resume_writing()

    def _make_room(self) -> None:
        """Close some of those that have done nothing for a while, the idlest first."""
        now = self.loop.time()
        idle = [c for c in self._connections if c.turn is None and c.stage != BODY and now - c.since > YIELD_SECONDS]
        idle.sort(key=lambda connection: (connection.stage != ENDED, connection.since))
        # several at once, so that not every new connection looks at all the others
        for connection in idle[: 1 + self.door.most_connections // 16]:
            connection.transport.abort()
            self._connections.discard(connection)

    # how much

    def check_part(self, received: int | None) -> None:
        """A head or a body came in part. `received`: of the body, None where the connection itself keeps it."""
        if self.stage == HEAD:
            # where in the first piece it began is not known: that one is measured once the head is complete
            self.raw += 0 if self.fresh else self.size
            self.fresh = False
            if self.raw > self.limits.headers:
                self.refuse(431, "the headers are too large: send fewer")
                return
        else:
            self.raw += self.size
            self._moved += self.size
            if received is not None:
                if self.raw > _FRAMING + _FRAMING_RATIO * received:
                    self.refuse(400, "the body is cut into too small chunks: send larger ones")
                return
        if self.door.admission.hold(self.size):
            self.held += self.size
        else:
            self.door.watch.reject("buffered")
            self.refuse(503, "the server holds too much already: try again in a moment", *RETRY)

    def let_go(self) -> None:
        """Nothing that came is held by the connection any more."""
        self.door.admission.free(self.held)
        self.held = 0

    def pause_reading(self) -> None:
        """Take no more from the client for now."""
        if not self.paused_reading and not self.transport.is_closing():
            self.paused_reading = True
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Take more again."""
        if self.paused_reading and not self.transport.is_closing():
            self.paused_reading = False
            self.since = self.loop.time()
            self.transport.resume_reading()

    def pause_writing(self) -> None:
        """The client leaves much unread. That is let pass while the server holds little."""
        self.paused_writing = True
        self._unread = self.transport.get_write_buffer_size()
        self.door.admission.add(self._unread)
        if self.door.admission.full:
            self.door.watch.reject("unread")
            self.transport.abort()

    def resume_writing(self) -> None:
        """The client has read most of it."""
        self.paused_writing = False
        self.door.admission.free(self._unread)
        self._unread = self._unsent = 0
        if self._readers is not None and not self._readers.done():
            self._readers.set_result(None)
        self._readers = None

    def write(self, data: bytes | memoryview) -> None:
        """Send bytes to the client, if it is there."""
        if not self.lost:
            self.transport.write(data)

    async def drained(self) -> None:
        """Wait until the client has read most of what was written, or is gone."""
        if self.paused_writing and not self.lost:
            if self._readers is None:
                self._readers = self.loop.create_future()
            await self._readers

    # how long

    def check(self, now: float) -> None:
        """Close the connection if its client takes too long."""
        self._check_unread(now)
        if self.transport.is_closing():
            return
        limits = self.limits
        if self.paused_reading:
            # it is not the client who is waited for
            self.since = now
        elif self.stage == HEAD and now - self.since > limits.header_time:
            self.refuse(408, "the headers did not arrive in time")
        elif self.stage == BODY:
            self.since = min(now, self.since + self._moved / limits.byte_rate)
            self._moved = 0
            if now - self.since > limits.body_time:
                self.refuse(408, "the body did not arrive in time")
        elif self.stage == ENDED and self.turn is None and now - self.since > LINGER_SECONDS:
            self.transport.abort()
        elif self.stage == IDLE and self.turn is None and now - self.since > self._may_idle:
            self.transport.close()

    @property
    def _may_idle(self) -> float:
        """For how long nothing may be asked: a client that has not asked yet is not waited for so long."""
        return self.limits.idle_time if self.began else self.limits.header_time

    def _check_unread(self, now: float) -> None:
        """A client that reads nothing is not waited for, and one that reads slowly not for ever."""
        unsent = self.transport.get_write_buffer_size()
        if not self._unsent:
            self._unsent_since = now
        else:
            self._unsent_since = min(now, self._unsent_since + max(self._unsent - unsent, 0) / self.limits.byte_rate)
        self._unsent = unsent
        if unsent and now - self._unsent_since > self.limits.body_time:
            self.door.watch.reject("unread")
            self.transport.abort()

    def part(self, message: bytes) -> None:
        """Write the last of what is to be said; what still comes is read, and not looked at, until the client closes.

        Closed at once, the connection would be reset by what is still on its way, and the message lost with it.
        """
        self.stage = ENDED
        self.since = self.loop.time()
        self.let_go()
        if self.lost or self.transport.is_closing():
            return
        if message:
            self.transport.write(message)
        if self.door.closing or not self.transport.can_write_eof():
            self.transport.close()
            return
        self.transport.write_eof()
        self.resume_reading()
