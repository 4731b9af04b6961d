"""Rows -> JSON, by the laws that the server reads values by.

Missing is `None`, NaN, pandas' NA and NaT: all are sent as null. JSON has no infinity, so it is sent as the text
"inf" or "-inf", which the server takes for exactly what the number would be: missing with a warning where a number is
wanted, a category of that name elsewhere. NumPy's scalars are sent as the Python values that they hold.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from math import isfinite, isnan
from typing import Any, NamedTuple

import msgspec

from tabi.client.errors import InputError

Row = Mapping[str, Any]
Scalar = str | int | float | bool | None

_encode = msgspec.json.Encoder().encode


class Part(NamedTuple):
    """Some rows of a batch as one body, and the place of the first of them in the whole."""

    body: bytes
    first_row: int


def predict_body(row: Row) -> bytes:
    """The body of `/predict`; `InputError` names the column that cannot be sent."""
    return b'{"features":' + _row_bytes(row, "the row") + b"}"


def batch_bodies(rows: Iterable[Row], most_rows: int, most_bytes: int) -> Iterator[Part]:
    """Bodies of `/predict_batch`, each of at most so many rows and bytes; one of no rows if there are none.

    A single row that is larger than `most_bytes` is sent alone. `rows` is read no further than the part needs.
    """
    first, size, held = 0, 0, list[bytes]()
    for index, row in enumerate(_iterable(rows)):
        found = _row_bytes(row, f"row {index}")
        if held and (len(held) >= most_rows or size + len(found) > most_bytes):
            yield _part(held, first)
            first, size, held = index, 0, []
        held.append(found)
        size += len(found)
    if held or not first:
        yield _part(held, first)


def _part(rows: list[bytes], first: int) -> Part:
    return Part(b'{"rows":[' + b",".join(rows) + b"]}", first)


def _iterable(rows: Iterable[Row]) -> Iterable[Row]:
    if isinstance(rows, Mapping):
        raise InputError("a batch is a list of rows, and this is one row: use predict, or put it into a list")
    if hasattr(rows, "__arrow_c_stream__") or hasattr(rows, "__dataframe__"):
        raise InputError("a batch is a list of rows, and this is a table: use predict_frame")
    return rows


def _row_bytes(row: Row, which: str) -> bytes:
    if not isinstance(row, Mapping):
        raise InputError(f"{which} is a {type(row).__name__}: a row maps the names of columns to values")
    fields = {_name(name, which): _scalar(value, name, which) for name, value in row.items()}
    try:
        return _encode(fields)
    except (UnicodeEncodeError, OverflowError, ValueError) as error:
        column = _culprit(fields)
        message = f"{which}, column {column!a}: no JSON can hold this value or name"
        raise InputError(message, column) from _without_value(error)


def _name(name: object, which: str) -> str:
    if isinstance(name, str):
        return str.__str__(name)
    raise InputError(f"{which} has a column whose name is a {type(name).__name__}: names are text")


def _scalar(value: Any, column: str, which: str) -> Scalar:
    """The JSON value that stands for `value`."""
    kind = type(value)
    if kind is str or kind is int or kind is bool or value is None:
        return value  # type: ignore[no-any-return]
    if isinstance(value, float):
        return float(value) if isfinite(value) else _not_finite(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int.__int__(value)
    if _is_pandas_missing(value):
        return None
    if getattr(value, "shape", None) == () and (held := value.item()) is not value and type(held) is not kind:
        return _scalar(held, column, which)
    message = f"{which}, column {column!r}: a {kind.__name__} cannot be sent: make it a number, a text, a bool or None"
    raise InputError(message, column)


def _not_finite(value: float) -> str | None:
    if isnan(value):
        return None
    return "inf" if value > 0 else "-inf"


def _is_pandas_missing(value: object) -> bool:
    pandas = sys.modules.get("pandas")
    return pandas is not None and (value is pandas.NA or value is pandas.NaT)


def _culprit(fields: Mapping[str, Scalar]) -> str:
    for name, value in fields.items():
        try:
            _encode({name: value})
        except (UnicodeEncodeError, OverflowError, ValueError):
            return name
    return ""


def _without_value(error: Exception) -> Exception | None:
    """A Unicode error holds the whole text, which a traceback would show."""
    return None if isinstance(error, UnicodeError) else error
