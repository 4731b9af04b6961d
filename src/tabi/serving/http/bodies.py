"""Bodies of the long way: read while they arrive, bounded, and counted as held until the answer has been read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Self, cast

from tabi.serving.http.admission import SMALL, Admission

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


async def read_body(receive: Receive, length: int, limit: int, held: Held) -> bytes:
    """The whole body. `length`: what the head says of it, or -1: what is too long is refused before it is read.

    Only bytes that have come are held: a client that says much and sends nothing takes nothing from the others.
    """
    if length > limit:
        raise _too_large(limit)
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        # one part is the rule, and joining it would copy it
        part: bytes = message.get("body", b"")
        return _checked(part, limit, held)
    parts = bytearray()
    whole = cast(bytes, parts)
    while message["type"] == "http.request":
        parts += message.get("body", b"")
        _checked(whole, limit, held)
        if not message.get("more_body"):
            # a copy would be there twice; nobody changes it any more
            return whole
        message = await receive()
    raise GoneError


def _checked(found: bytes, limit: int, held: Held) -> bytes:
    if len(found) > limit:
        raise _too_large(limit)
    held.grow(len(found))
    return found


def _too_large(limit: int) -> RefusedError:
    return RefusedError(413, f"the body is larger than {limit} bytes: send less at once", "body")
