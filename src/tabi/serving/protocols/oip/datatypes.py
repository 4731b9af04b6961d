"""The protocol's datatypes: the contents of a tensor, as JSON or as bytes -> values of a row.

Where the contents do not fit, `RequestError` names the place. Their size is compared with the shape first.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from math import isinf, nan
from typing import Any, NamedTuple

import msgspec
import numpy as np

from tabi.contract import Scalar
from tabi.serving.protocols.bodies import UNREADABLE, Marks, place_of, refuse

_LENGTH = struct.Struct("<I")
_commas = Marks(b",")
# values too many that are read all the same, so that the place of a list that is too long can be told
_SPARE = 1000


class Datatype(NamedTuple):
    """A datatype: the Python type of its values, and numpy's code for its bytes, "" where values differ in size.

    `size`: bytes of one value; of BYTES, those of its length. `low` and `high`: the values that whole numbers may have.
    """

    python: type
    code: str
    size: int
    low: int
    high: int
    flat: msgspec.json.Decoder[list[Any]]
    nested: msgspec.json.Decoder[list[list[Any]]]


def _datatype(python: type, code: str = "") -> Datatype:
    size = np.dtype(code).itemsize if code else _LENGTH.size
    low, high = (int(np.iinfo(code).min), int(np.iinfo(code).max)) if python is int else (0, 0)
    value: Any = python | None
    flat, nested = msgspec.json.Decoder(list[value]), msgspec.json.Decoder(list[list[value]])
    return Datatype(python, code, size, low, high, flat, nested)


DATATYPES = {
    "BOOL": _datatype(bool, "u1"),
    "BYTES": _datatype(str),
    **{f"INT{8 * size}": _datatype(int, f"<i{size}") for size in (1, 2, 4, 8)},
    **{f"UINT{8 * size}": _datatype(int, f"<u{size}") for size in (1, 2, 4, 8)},
    **{f"FP{8 * size}": _datatype(float, f"<f{size}") for size in (2, 4, 8)},
}


def read_json(datatype: Datatype, data: memoryview, shape: Sequence[int], path: str) -> list[Scalar]:
    """The values of a tensor's `data`, a flat list or nested as its shape is. `null` is a missing value."""
    content = bytes(data)
    if len(content) > _SPARE and _commas.exceed(_product(shape) + _SPARE, content):
        refuse(path, "wrong_size")
    nested = content[1:64].lstrip()[:1] == b"["
    try:
        found = datatype.nested.decode(content) if nested else datatype.flat.decode(content)
    except UNREADABLE as error:
        if isinstance(error, msgspec.ValidationError):
            where, _ = place_of(error)
            refuse(*((path, "not_an_array") if where == "$" else (path + where, "wrong_datatype")))
        refuse(path, "not_json")
    count = shape[0] if nested else _product(shape)
    if len(found) != count or (nested and len(shape) == 1):
        refuse(path, "wrong_size")
    if nested:
        found = _flattened(found, shape[1], path)
    return typed(datatype, found, path)


def typed(datatype: Datatype, values: list[Any], path: str) -> list[Scalar]:
    """Values of the datatype's Python type, as the datatype itself can hold them."""
    if datatype.python is int:
        low, high = datatype.low, datatype.high
        present = [value for value in values if value is not None]
        if present and (min(present) < low or max(present) > high):
            _refuse_first(path, [value is not None and not low <= value <= high for value in values])
    elif datatype.python is float and datatype.size < DATATYPES["FP64"].size:
        # so that a tensor sent as JSON is the tensor sent as bytes
        with np.errstate(over="ignore"):
            narrow = np.array([nan if value is None else value for value in values], datatype.code).tolist()
        if any(map(isinf, narrow)):
            _refuse_first(path, [isinf(n) and not isinf(v) for n, v in zip(narrow, values, strict=True)])
        return list(narrow)
    return values


def read_binary(datatype: Datatype, data: memoryview, count: int, path: str) -> list[Scalar]:
    """The `count` values that stand in `data`, little-endian and without gaps. NaN is a missing value."""
    if datatype.python is str:
        return _texts(data, count, path)
    if len(data) != count * datatype.size:
        refuse(path, "wrong_size")
    values = np.frombuffer(data, datatype.code)
    if datatype.python is not bool:
        return list(values.tolist())
    if (values > 1).any():
        _refuse_first(path, (values > 1).tolist())
    return list(values.astype(bool).tolist())


def text(value: bytes | memoryview, path: str) -> str:
    """An element of BYTES, which is text in UTF-8."""
    try:
        return str(value, "utf-8")
    except UnicodeDecodeError:
        refuse(path, "wrong_datatype")


def write_binary(values: Sequence[float] | Sequence[str]) -> bytes:
    """The bytes of an FP64 or BYTES tensor. Law: `read_binary` reads them back."""
    if values and isinstance(values[0], str):
        return b"".join(_LENGTH.pack(len(item)) + item for item in (str(value).encode() for value in values))
    return np.array(values, "<f8").tobytes()


def _texts(data: memoryview, count: int, path: str) -> list[Scalar]:
    if count * _LENGTH.size > len(data):
        refuse(path, "wrong_size")
    values: list[Scalar] = []
    position = 0
    for index in range(count):
        start = position + _LENGTH.size
        if start > len(data):
            refuse(path, "wrong_size")
        position = start + _LENGTH.unpack_from(data, position)[0]
        if position > len(data):
            refuse(path, "wrong_size")
        values.append(text(data[start:position], f"{path}[{index}]"))
    if position != len(data):
        refuse(path, "wrong_size")
    return values


def _flattened(lists: list[list[Any]], width: int, path: str) -> list[Any]:
    for index, inner in enumerate(lists):
        if len(inner) != width:
            refuse(f"{path}[{index}]", "wrong_size")
    return [value for inner in lists for value in inner]


def _product(shape: Sequence[int]) -> int:
    product = 1
    for size in shape:
        product *= size
    return product


def _refuse_first(path: str, wrong: list[bool]) -> None:
    if any(wrong):
        refuse(f"{path}[{wrong.index(True)}]", "wrong_datatype")
