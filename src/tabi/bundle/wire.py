"""Just enough of protobuf's wire format to take a model apart and put it together again, without the package onnx.

The numbers of fields are those of the format's onnx.proto.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

_VARINT, _DOUBLE, _BYTES, _FLOAT = 0, 1, 2, 5
# bytes of the longest whole number
_LONGEST = 10

Integers = npt.NDArray[np.int64]


class Field(NamedTuple):
    """A field: its number, what it holds, and the bytes that it takes, head included."""

    number: int
    value: int | bytes
    whole: bytes


def fields_of(message: bytes) -> Iterator[Field]:
    """The fields of a message in order. `ValueError` or `IndexError` if it is none."""
    place = 0
    while place < len(message):
        field = _field(message, place)
        yield field
        place += len(field.whole)


def runs_of(message: bytes) -> Iterator[tuple[int, bytes | Integers]]:
    """As `fields_of`, but whole numbers that follow each other under one field are one array: a list may be long."""
    place = 0
    while place < len(message):
        head = message[place]
        if head & 7 == _VARINT and head < 0x80:
            values, size = _run(message, place)
            yield head >> 3, values
            place += size
        else:
            field = _field(message, place)
            yield field.number, field.value if isinstance(field.value, bytes) else np.array([field.value], np.int64)
            place += len(field.whole)


def texts(message: bytes, number: int) -> list[str]:
    """The texts under a repeated field."""
    return [part.decode() for part in parts(message, number)]


def numbers(message: bytes, number: int) -> list[int]:
    """The whole numbers under a repeated field, packed or not."""
    found: list[int] = []
    for at, value in runs_of(message):
        if at == number:
            found += (unpacked(value) if isinstance(value, bytes) else value).tolist()
    return found


def unpacked(data: bytes) -> Integers:
    """Whole numbers that were packed into one field."""
    content = np.frombuffer(data, np.uint8)
    starts, ends = _tokens(content)
    if len(content) and (not len(ends) or ends[-1] != len(content) - 1):
        raise IndexError("a number that is cut off")
    return _decoded(content, starts, ends)


def parts(message: bytes, number: int) -> list[bytes]:
    """The messages or bytes under a repeated field."""
    return [value for at, value in runs_of(message) if at == number and isinstance(value, bytes)]


def put(number: int, value: bytes | str | int) -> bytes:
    """A field as it is written."""
    if isinstance(value, int):
        return _as_varint(number << 3 | _VARINT) + _as_varint(value)
    data = value.encode() if isinstance(value, str) else value
    return _as_varint(number << 3 | _BYTES) + _as_varint(len(data)) + data


def packed(values: npt.ArrayLike) -> bytes:
    """Whole numbers as one field holds them."""
    rest = np.asarray(values, np.int64).astype(np.uint64)
    here = np.ones(len(rest), bool)
    columns, kept = [], []
    while here.any():
        low = (rest & np.uint64(0x7F)).astype(np.uint8)
        rest >>= np.uint64(7)
        kept.append(here)
        here = here & (rest > 0)
        columns.append(low | (here.astype(np.uint8) << 7))
    return np.stack(columns, axis=1)[np.stack(kept, axis=1)].tobytes() if columns else b""


def _field(message: bytes, start: int) -> Field:
    head, place = _varint(message, start)
    kind = head & 7
    value: int | bytes
    if kind == _VARINT:
        value, place = _varint(message, place)
    elif kind in {_DOUBLE, _FLOAT, _BYTES}:
        if kind == _BYTES:
            size, place = _varint(message, place)
        else:
            size = 8 if kind == _DOUBLE else 4
        value, place = message[place : place + size], place + size
    else:
        raise ValueError("an unknown kind of field")
    if place > len(message):
        raise IndexError("a message that is cut off")
    return Field(head >> 3, value, message[start:place])


def _run(message: bytes, place: int) -> tuple[Integers, int]:
    """The whole numbers from `place` on that have the same head, of one byte, and the bytes that they take."""
    content = np.frombuffer(message, np.uint8, offset=place)
    starts, ends = _tokens(content)
    others = np.flatnonzero(content[starts[::2]] != content[0])
    count = int(others[0]) if len(others) else (len(ends) + 1) // 2
    if 2 * count > len(ends):
        raise IndexError("a number that is cut off")
    return _decoded(content, starts[1 : 2 * count : 2], ends[1 : 2 * count : 2]), int(ends[2 * count - 1]) + 1


def _tokens(content: npt.NDArray[np.uint8]) -> tuple[Integers, Integers]:
    """Where numbers begin and where they end: with a byte that has no highest bit."""
    ends = np.flatnonzero(content < 0x80)
    return np.concatenate([[0], ends[:-1] + 1])[: len(ends)].astype(np.int64), ends


def _decoded(content: npt.NDArray[np.uint8], starts: Integers, ends: Integers) -> Integers:
    lengths = ends - starts + 1
    most = int(lengths.max(initial=0))
    if most > _LONGEST:
        raise ValueError("a number that is too long")
    values = np.zeros(len(starts), np.uint64)
    for i in range(most):
        here = lengths > i
        values[here] |= (content[starts[here] + i] & 0x7F).astype(np.uint64) << np.uint64(7 * i)
    return values.view(np.int64)


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7
        if shift > 63:
            raise ValueError("a number that is too long")


def _as_varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
