"""What a worker and its process of large requests say to each other, over a pair of connected sockets.

The worker asks with a `Task`; the process says `Accepted`; the worker sends the body, and the process says `Found` and
the answer's content. So a body is sent only to a process that lives and has the version that is to answer.
"""

from __future__ import annotations

import socket
import struct
from collections import deque
from typing import TypeVar

import msgspec

_SIZE = struct.Struct("<Q")
_Said = TypeVar("_Said")


class EndedError(Exception):
    """The other side is gone."""


class Task(msgspec.Struct, frozen=True):
    """A large request without its body, which has `size` bytes.

    `label`: its route. `folder`, `version`: of the bundle that is to answer, `arm` and `unit` by whose policy and for
    whom. `asked`: the version that the route names.
    `first`: the place of the first of its lines among all, where it is a part of a body of lines.
    `most`: versions that the process may hold: those that answer, and one more while an older request ends.
    """

    label: str
    folder: str
    version: str
    headers: list[tuple[bytes, bytes]]
    query: bytes
    kind: bytes
    accept: bytes
    request_id: str
    began: int
    size: int
    arm: str = ""
    unit: str = ""
    asked: str | None = None
    first: int | None = None
    most: int = 2


class Accepted(msgspec.Struct, frozen=True):
    """Whether the process has the version: if not, `problem` says why, and no body is sent."""

    problem: str | None = None


class Found(msgspec.Struct, frozen=True):
    """The answer, whose content of `size` bytes follows. `problems`: what the process has to tell beside it."""

    status: int
    content_type: str
    headers: tuple[tuple[str, str], ...]
    size: int
    problems: list[str]


def packed(said: msgspec.Struct) -> bytes:
    """A message as it is sent."""
    content = msgspec.msgpack.encode(said)
    return _SIZE.pack(len(content)) + content


def say(line: socket.socket, said: msgspec.Struct) -> None:
    """Send a message."""
    line.sendall(packed(said))


def hear(line: socket.socket, kind: type[_Said]) -> _Said:
    """Wait for a message; `EndedError` if none comes any more."""
    (size,) = _SIZE.unpack(take(line, _SIZE.size))
    return msgspec.msgpack.decode(take(line, size), type=kind)


def give(line: socket.socket, parts: deque[bytes]) -> None:
    """Send bytes, and let each part go once it is sent: all at once would hold up whoever waits for this process."""
    while parts:
        line.sendall(parts.popleft())


def take(line: socket.socket, size: int) -> bytearray:
    """Wait for `size` bytes."""
    found = bytearray(size)
    view, at = memoryview(found), 0
    while at < size:
        count = line.recv_into(view[at:])
        if not count:
            raise EndedError
        at += count
    return found
