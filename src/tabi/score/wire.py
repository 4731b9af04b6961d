"""Just enough of protobuf's wire format to take a model apart and put it together again, without the package onnx.

The numbers of fields are those of the format's onnx.proto.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

_VARINT, _DOUBLE, _BYTES, _FLOAT = 0, 1, 2, 5


class Field(NamedTuple):
    """A field: its number, what it holds, and the bytes that it takes, head included."""

    number: int
    value: int | bytes
    whole: bytes


def fields_of(message: bytes) -> Iterator[Field]:
    """The fields of a message in order. `ValueError` or `IndexError` if it is none."""
    place = 0
    while place < len(message):
        start = place
        head, place = _varint(message, place)
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
        yield Field(head >> 3, value, message[start:place])


def texts(message: bytes, number: int) -> list[str]:
    """The texts under a repeated field."""
    return [f.value.decode() for f in fields_of(message) if f.number == number and isinstance(f.value, bytes)]


def numbers(message: bytes, number: int) -> list[int]:
    """The whole numbers under a repeated field, packed or not."""
    found: list[int] = []
    for field in fields_of(message):
        if field.number == number:
            found += [field.value] if isinstance(field.value, int) else unpacked(field.value)
    return found


def unpacked(data: bytes) -> list[int]:
    """Whole numbers that were packed into one field."""
    found, place = [], 0
    while place < len(data):
        value, place = _varint(data, place)
        found.append(value)
    return found


def parts(message: bytes, number: int) -> list[bytes]:
    """The messages or bytes under a repeated field."""
    return [field.value for field in fields_of(message) if field.number == number and isinstance(field.value, bytes)]


def put(number: int, value: bytes | str | int) -> bytes:
    """A field as it is written."""
    if isinstance(value, int):
        return _as_varint(number << 3 | _VARINT) + _as_varint(value)
    data = value.encode() if isinstance(value, str) else value
    return _as_varint(number << 3 | _BYTES) + _as_varint(len(data)) + data


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
