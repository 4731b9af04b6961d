"""Answers as they go over the wire."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus

from tabi.serving.messages import Response

# what no browser shall guess, and no cache keep
SECURITY = ((b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store"))
# bytes that are written at once
PIECE = 64 * 1024

_STATUS = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}
_TAIL = b"".join(b"\r\n%b: %b" % header for header in SECURITY) + b"\r\n\r\n"


def message_of(response: Response, dates: bytes, request_id: str, *, close: bool = False) -> bytes:
    """A whole answer. `dates`: the web server's own header lines."""
    content_type, headers = response.content_type, response.headers
    more = "".join(f"{name}: {value}\r\n" for name, value in headers) if headers else ""
    return b"%b%bcontent-type: %b\r\n%b%bx-request-id: %b\r\ncontent-length: %d%b%b" % (
        _STATUS[response.status],
        dates,
        content_type.encode(),
        more.encode("latin-1"),
        b"connection: close\r\n" if close else b"",
        request_id.encode(),
        len(response.content),
        _TAIL,
        response.content,
    )


def head_of(status: int, dates: bytes, headers: Iterable[tuple[bytes, bytes]], *, close: bool, chunked: bool) -> bytes:
    """The head of an answer of an ASGI app. A value that would begin another line is left out."""
    lines = [_STATUS[status], dates]
    lines += [b"%b: %b\r\n" % (name, value) for name, value in headers if b"\r" not in value and b"\n" not in value]
    if close:
        lines.append(b"connection: close\r\n")
    if chunked:
        lines.append(b"transfer-encoding: chunked\r\n")
    return b"".join([*lines, b"\r\n"])
