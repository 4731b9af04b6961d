"""Bodies of the long way: read while they arrive, bounded, and counted as held until the answer has been read."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Self

from tabi.serving.http.admission import SMALL, Admission
from tabi.serving.http.wire import PIECE

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]


class RefusedError(Exception):
    """A body that is not taken: the status, and for metrics why."""

    def __init__(self, status: int, detail: str, reason: str) -> None:
        super().__init__(detail)
        self.status = status
        self.reason = reason


class GoneError(Exception):
    """The sender went away before its body was complete."""


class Held:
    """The bytes that one request makes its worker hold, as a context that lets them go."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.now(0)

    def grow(self, to: int) -> None:
        """Hold `to` bytes; `RefusedError` if the worker holds too much already."""
        if not self._admission.hold(to - self._size, small=to <= SMALL):
            raise RefusedError(503, "the server holds too much already: try again in a moment", "buffered")
        self._size = to

    def now(self, size: int) -> None:
        """Hold `size` bytes in place of what was held, whatever else is held."""
        self._admission.add(size - self._size)
        self._size = size


async def read_body(receive: Receive, length: int, limit: int, held: Held) -> deque[bytes]:
    """The whole body in parts. `length`: what the head says of it, or -1. What is too long is refused unread.

    Only bytes that have come are held: a client that says much and sends nothing takes nothing from the others. Small
    parts are put together: each would take more than its bytes.
    """
    if length > limit:
        raise _too_large(limit)
    parts: deque[bytes] = deque()
    size, last = 0, bytearray()
    while (message := await receive())["type"] == "http.request":
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        held.grow(size)
        if len(part) >= PIECE and not last:
            parts.append(part)
        else:
            last += part
        if last and (len(last) >= PIECE or not message.get("more_body")):
            parts.append(bytes(last))
            last.clear()
        if not message.get("more_body"):
            return parts
    raise GoneError


def _too_large(limit: int) -> RefusedError:
    return RefusedError(413, f"the body is larger than {limit} bytes: send less at once", "body")
