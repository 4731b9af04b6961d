"""Just enough of HTTP/1.1 to know where an answer ends: status, length, and whether the connection stays."""

from __future__ import annotations

import re
from typing import NamedTuple

# more than the head of any answer that we mean
HEAD_LIMIT = 64 * 1024

_length = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]+)[ \t]*(?:\r\n|\Z)").search
_closes = re.compile(rb"\r\nconnection:[ \t]*close").search


class FramingError(Exception):
    """The bytes are no answer whose end is known, such as a chunked one."""


class Head(NamedTuple):
    """What the head of an answer says. `end`: bytes of head and body together."""

    status: int
    body: int
    end: int
    closes: bool


def read_head(data: bytes | bytearray) -> Head | None:
    """The head at the beginning of `data`, None while it is not complete; `FramingError` if it is none."""
    gap = data.find(b"\r\n\r\n")
    if gap < 0:
        if len(data) > HEAD_LIMIT or not b"HTTP/1.1 "[: len(data)] == data[:9]:
            raise FramingError
        return None
    head = data[:gap].lower()
    length = _length(head)
    # no length: the body is chunked or ends with the connection, and neither is what a client should be given here
    if length is None or not head.startswith(b"http/1.1 ") or not head[9:12].isdigit():
        raise FramingError
    body = gap + 4
    return Head(int(head[9:12]), body, body + int(length[1]), _closes(head) is not None)
