"""What a scoring process is told and what it answers, each as its length in eight bytes and then msgpack."""

from __future__ import annotations

import struct
from typing import BinaryIO, Literal, TypeVar

import msgspec

from tabi.score.parts import Counts

Message = TypeVar("Message")


class Setup(msgspec.Struct, array_like=True):
    """The first message: what to score with, and where to put it. `schema`: an Arrow schema as IPC.

    `version`: the id of the bundle, whose signature the parent has verified.
    """

    bundle: str
    version: str
    parts: str
    schema: bytes
    keys: list[str]


class Done(msgspec.Struct, array_like=True):
    """The answer to a task. `error`: what went wrong, in a line."""

    counts: Counts
    error: str = ""
    kind: Literal["", "disk", "tabi", "other"] = ""


def send(stream: BinaryIO, message: object) -> None:
    """Write a message."""
    data = msgspec.msgpack.encode(message)
    stream.write(struct.pack("<q", len(data)))
    stream.write(data)
    stream.flush()


def receive(stream: BinaryIO, kind: type[Message]) -> Message | None:
    """The next message; None at the end of the stream, also where it ends within a message."""
    head = stream.read(8)
    if len(head) < 8:
        return None
    (size,) = struct.unpack("<q", head)
    data = stream.read(size)
    return msgspec.msgpack.decode(data, type=kind) if len(data) == size else None
