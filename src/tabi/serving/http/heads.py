"""What is read off a request's headers, in one walk over them."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random
from typing import NamedTuple

UNIT_ID = b"x-unit-id"

Headers = list[tuple[bytes, bytes]]

# what a log, a header and a shell can hold without quotes
_sane_id = re.compile(rb"[A-Za-z0-9._:-]{1,128}").fullmatch
# a customer's number, a mail address, a key in base64: whatever a header holds without blanks
_sane_unit = re.compile(rb"[!-~]{1,256}").fullmatch
# seeded by the operating system; an id must be new, not secret
_random = Random()  # noqa: S311
# a request with one of these is no plain one: it goes the long way
_SPECIAL = frozenset({b"expect", b"upgrade", b"transfer-encoding", b"origin", b"content-encoding"})


class Head(NamedTuple):
    """`kind`: the media type in lower case, without parameters. `length`: of the body if it is said, else -1.

    `plain`: nothing in it asks for anything but an answer. `unit`: whom the request is for, empty if nobody is named.
    """

    request_id: str
    kind: bytes
    length: int
    traceparent: str | None
    accept: bytes
    plain: bool
    unit: str = ""


def read_head(headers: Headers) -> Head:
    """The head of a request; `headers` by lower-case name."""
    request_id, kind, length, traceparent, accept, plain, hosts, unit = "", b"", -1, None, b"", True, 0, ""
    for name, value in headers:
        if name == b"content-type":
            kind = media_type(value)
        elif name == b"content-length":
            # the parser let digits pass, but any number of zeros before them
            length = int(value) if len(value) < 20 else -1
        elif name == b"host":
            hosts += 1
        elif name == b"accept":
            accept = value
        elif name == b"x-request-id":
            request_id = _if_sane(_sane_id, value) or request_id
        elif name == UNIT_ID:
            unit = _if_sane(_sane_unit, value) or unit
        elif name == b"traceparent":
            traceparent = value.decode("latin-1")
        elif name in _SPECIAL:
            plain = False
    return Head(request_id or new_request_id(), kind, length, traceparent, accept, plain and hosts == 1, unit)


def _if_sane(sane: Callable[[bytes], object], value: bytes) -> str:
    return value.decode("ascii") if sane(value) else ""


def media_type(value: bytes) -> bytes:
    """A Content-Type in lower case and without its parameters."""
    # the usual spelling needs no second look
    return value if value == b"application/json" else value.partition(b";")[0].strip().lower()


def new_request_id() -> str:
    """32 random hex digits."""
    return f"{_random.getrandbits(128):032x}"
