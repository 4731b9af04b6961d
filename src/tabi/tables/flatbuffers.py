"""How large the messages of an Arrow stream become when they are decompressed, read from their headers alone.

Arrow's own reader trusts the size that stands before each compressed buffer. Names and numbers are those of the
format's Message.fbs: a table is a list of slots, each an offset from the table's own place, 0 for a field left out.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

_DICTIONARY_BATCH, _RECORD_BATCH = 2, 3
_FIFTH_VERSION = 4  # before it, compression could stand in the custom metadata
_SLOTS = {"version": 4, "header_type": 6, "header": 8, "custom_metadata": 12}
_BUFFERS, _COMPRESSION = 8, 10
_DATA, _IS_DELTA = 6, 8


class Decoded(NamedTuple):
    """What a message asks of its reader: bytes after decompression, and whether it adds to an earlier dictionary."""

    size: int
    is_delta: bool


def decoded(header: bytes, body: bytes | memoryview) -> Decoded:
    """`struct.error` or `ValueError` if the header is not one, or lies about places inside itself or the body."""
    message = _root(header)
    kind = _number(header, message, _SLOTS["header_type"], "<B")
    if kind not in {_DICTIONARY_BATCH, _RECORD_BATCH}:
        return Decoded(0, is_delta=False)
    old = _number(header, message, _SLOTS["version"], "<h") < _FIFTH_VERSION
    if old and _field(header, message, _SLOTS["custom_metadata"]):
        raise ValueError("an old message with metadata of its own")
    batch, is_delta = _table(header, message, _SLOTS["header"]), False
    if kind == _DICTIONARY_BATCH:
        is_delta = bool(_number(header, batch, _IS_DELTA, "<B"))
        batch = _table(header, batch, _DATA)
    if not _field(header, batch, _COMPRESSION):
        return Decoded(len(body), is_delta)
    return Decoded(sum(_decoded_buffer(body, *place) for place in _buffers(header, batch)), is_delta)


def _decoded_buffer(body: bytes | memoryview, offset: int, length: int) -> int:
    if not length:
        return 0
    if offset < 0 or length < 8 or offset + length > len(body):
        raise ValueError("a buffer outside its body")
    (size,) = struct.unpack_from("<q", body, offset)
    if size < -1:
        raise ValueError("a buffer of negative size")
    return length if size == -1 else int(size)


def _buffers(header: bytes, batch: int) -> list[tuple[int, int]]:
    start = _table(header, batch, _BUFFERS)
    (count,) = struct.unpack_from("<I", header, start)
    end = start + 4 + 16 * count
    if end > len(header):
        raise ValueError("more buffers than the header holds")
    return list(struct.iter_unpack("<qq", header[start + 4 : end]))


def _root(header: bytes) -> int:
    return int(struct.unpack_from("<I", header)[0])


def _field(header: bytes, table: int, slot: int) -> int:
    """Where the field lies; 0 if it was left out."""
    (back,) = struct.unpack_from("<i", header, table)
    slots = table - back
    if slots < 0:
        raise ValueError("a table outside its header")
    (size,) = struct.unpack_from("<H", header, slots)
    if slot >= size:
        return 0
    (offset,) = struct.unpack_from("<H", header, slots + slot)
    return table + offset if offset else 0


def _number(header: bytes, table: int, slot: int, form: str) -> int:
    place = _field(header, table, slot)
    return int(struct.unpack_from(form, header, place)[0]) if place else 0


def _table(header: bytes, table: int, slot: int) -> int:
    place = _field(header, table, slot)
    if not place:
        raise ValueError("a field is missing")
    return place + int(struct.unpack_from("<I", header, place)[0])
