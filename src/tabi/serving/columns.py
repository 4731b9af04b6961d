"""The columns of a large body, read one after the other in windows. No call looks at more than a window of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from tabi.contract import Scalar
from tabi.errors import RequestError
from tabi.serving.explain import Window, explain
from tabi.serving.places import refusal

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

Decode = Callable[[bytes], list[Scalar]]

_TEXT = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_name = re.compile(rb"[ \t\r\n]*+(" + _TEXT + rb")[ \t\r\n]*+:[ \t\r\n]*+(\[)?", re.DOTALL).match
# up to the end of a list of scalars, or to the text in which a window ends
_scalars = re.compile(rb'(?:[^"\]]++|' + _TEXT + rb")*+", re.DOTALL).match
_spaces = re.compile(rb"[ \t\r\n]*+").match
_decode_text = msgspec.json.Decoder(str).decode


class Bounds(NamedTuple):
    """The most columns, rows, characters of a name, bytes of a value; and bytes that are decoded at once."""

    columns: int
    rows: int
    string: int
    value: int
    window: int


def read_columns(body: bytes, start: int, end: int, decode: Decode, bounds: Bounds) -> dict[str, list[Scalar]]:
    """The columns of a body whose object of columns begins before `start`; the body ends at `end`."""
    found: dict[str, list[Scalar]] = {}
    at = after_spaces(body, start, end)
    if body[at : at + 1] == b"}":
        _check_end(body, at + 1, end)
        return found
    while True:
        name, at = _read_name(body, at, end, bounds)
        if name in found:
            raise explain(body, "columns")
        if len(found) == bounds.columns:
            raise refusal(f"a row may have {bounds.columns} columns", [("columns", "too_many_columns")])
        found[name], at = _read_values(body, name, at, end, decode, bounds)
        at = after_spaces(body, at, end) + 1
        sign = body[at - 1 : at]
        if sign == b"}":
            _check_end(body, at, end)
            return found
        if sign != b",":
            raise _malformed(body, at - 1)


def after_spaces(text: bytes, start: int, end: int) -> int:
    """The first place from `start` on that is no space."""
    found = _spaces(text, start, end)
    return start if found is None else found.end()


def _check_end(body: bytes, at: int, end: int) -> None:
    at = after_spaces(body, at, end)
    if body[at : at + 1] != b"}" or at + 1 != end:
        raise _malformed(body, at)


def _read_name(body: bytes, at: int, end: int, bounds: Bounds) -> tuple[str, int]:
    opening = _name(body, at, min(at + bounds.value, end))
    if opening is None:
        raise _malformed(body, at)
    try:
        name = _decode_text(opening[1])
    except UNREADABLE as error:
        raise _malformed(body, at) from error
    if len(name) > bounds.string:
        raise refusal("a name is too long", [("columns", "too_long")])
    if opening[2] is None:
        raise explain(body, "columns", msgspec.ValidationError(f"no list - at `$.columns.{name}`"))
    return name, opening.end()


def _read_values(
    body: bytes, name: str, start: int, end: int, decode: Decode, bounds: Bounds
) -> tuple[list[Scalar], int]:
    """The values of a column, and the place behind them."""
    found: list[Scalar] = []
    size = bounds.window
    start = after_spaces(body, start, end)
    if body[start : start + 1] == b"]":
        return found, start + 1
    while True:
        limit = min(start + size, end)
        scalars: Any = _scalars(body, start, limit)
        stop = scalars.end()
        closed = stop < limit and body[stop : stop + 1] == b"]"
        cut = stop if closed else body.rfind(b",", start, stop)
        try:
            values = decode(b"[%b]" % body[start:cut]) if cut > start else None
        except UNREADABLE as error:
            _open_text(body, name, error, len(found), start, closed=closed)
            values = None
        if values is None:
            if closed or limit == end:
                raise _malformed(body, start)
            if size > bounds.value:
                raise refusal("a value is too long", [(f"columns.{name}[{len(found)}]", "too_long")])
            size *= 2
            continue
        found += values
        if len(found) > bounds.rows:
            raise refusal(f"a request may hold {bounds.rows} rows, send several", [("columns", "too_many_rows")])
        if closed and not values:
            raise _malformed(body, start)
        if closed:
            return found, stop + 1
        start, size = cut + 1, bounds.window


def _malformed(body: bytes, at: int) -> RequestError:
    return explain(body, "columns", msgspec.DecodeError(f"malformed (byte {at})"))


def _open_text(body: bytes, name: str, error: Exception, first: int, start: int, *, closed: bool) -> None:
    """Return if a window only ends within a text; else raise the refusal."""
    truncated = "truncated" in str(error)
    if truncated and closed:
        # what was taken for the end of the list was that of a list in it
        nested = msgspec.ValidationError(f"a list in a list - at `$.columns.{name}`")
        raise explain(body, "columns", nested) from error
    if not truncated:
        raise explain(body, "columns", error, Window(f"columns.{name}", first, start - 1)) from error
