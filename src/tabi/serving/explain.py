"""A body that was refused -> the places where it is wrong. Slower than decoding, and walked only then."""

from __future__ import annotations

import json
from collections.abc import Iterator
from math import isfinite
from typing import Any, NamedTuple

import msgspec

from tabi.errors import RequestError
from tabi.serving.places import refusal

# what is larger is told by the decoder's own words: a walk would cost more memory than the body
EXPLAIN_LIMIT = 128 * 1024

_UNREADABLE: Any = object()


class Window(NamedTuple):
    """A part of a list that was decoded alone: the list's path, the place of the part's first item in it, and the byte
    of the body before that item if it is known.
    """

    path: str
    first: int
    at: int | None


class _Object(list[tuple[str, Any]]):
    """An object with every name that it has, also those that stand in it twice."""


def explain(body: bytes, field: str, error: Exception | None = None, window: Window | None = None) -> RequestError:
    """The refusal of a body of which `field` is the only field.

    `error` is what its decoder said, of the whole body or of `window`.
    """
    places = _all_places(body, field) if len(body) <= EXPLAIN_LIMIT else []
    return _refusal(places, error, window or Window("$", 0, 0))


def explain_row(line: bytes, error: Exception | None = None) -> RequestError:
    """The refusal of a line that should be one row."""
    content = _loaded(line) if len(line) <= EXPLAIN_LIMIT else _UNREADABLE
    return _refusal([] if content is _UNREADABLE else list(_row_places(content, "")), error, Window("$", 0, 0))


def _refusal(places: list[tuple[str, str]], error: Exception | None, window: Window) -> RequestError:
    if places:
        return refusal("the body does not fit", places)
    if isinstance(error, msgspec.ValidationError):
        rule = "too_long" if "of length <=" in str(error) else "wrong_shape"
        return refusal("the body does not fit", [(_path_in(str(error), window), rule)])
    if error is None:
        return refusal("the body does not fit", [("$", "repeated_name")])
    position = str(error).rpartition("(byte ")[2].rstrip(")")
    known = position.isdecimal() and window.at is not None
    where = f" at byte {int(position) + (window.at or 0)}" if known else ""
    return refusal(f"the body is not valid JSON{where}", [("$", "not_json")])


def _path_in(message: str, window: Window) -> str:
    """The place that a decoder's message names: `$.x…` is one of the body, `$[i]…` one of the window's items."""
    _, _, path = message.rstrip("`").partition("`$")
    if path.startswith("["):
        index, _, rest = path[1:].partition("]")
        return f"{window.path}[{window.first + int(index)}]{rest}" if index.isdecimal() else f"{window.path}[…]{rest}"
    return path.removeprefix(".") or "$"


def repeats_a_name(body: bytes) -> bool:
    """Whether an object of a body that could be decoded names a thing twice."""
    found = False

    def look(pairs: list[tuple[str, Any]]) -> None:
        nonlocal found
        found = found or len({name for name, _ in pairs}) < len(pairs)

    json.loads(body, object_pairs_hook=look, parse_int=float)
    return found


def _all_places(body: bytes, field: str) -> list[tuple[str, str]]:
    """Every place that is wrong; none where the body cannot be read as JSON at all."""
    content = _loaded(body)
    return [] if content is _UNREADABLE else list(_places(content, field))


def _loaded(body: bytes) -> Any:
    """What a body says, objects with all of their names; `_UNREADABLE` if it is no JSON."""
    try:
        # int() refuses what has thousands of digits; as a float it is infinite, which is told
        return json.loads(body.decode(), object_pairs_hook=_Object, parse_int=float, parse_constant=float)
    except (ValueError, RecursionError):
        return _UNREADABLE


def _places(content: Any, field: str) -> Iterator[tuple[str, str]]:
    if not isinstance(content, _Object):
        yield "$", "not_an_object"
        return
    yield from _repeated(content, "")
    for name, value in content:
        if name != field:
            yield name, "unknown_field"
        elif field == "features":
            yield from _row_places(value, field)
        elif field == "columns":
            yield from _column_places(value)
        elif isinstance(value, _Object) or not isinstance(value, list):
            yield field, "not_an_array"
        else:
            for index, row in enumerate(value):
                yield from _row_places(row, f"{field}[{index}]")
    if not any(name == field for name, _ in content):
        yield field, "missing_field"


def _column_places(columns: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(columns, _Object):
        yield "columns", "not_an_object"
        return
    yield from _repeated(columns, "columns.")
    for name, values in columns:
        if isinstance(values, _Object) or not isinstance(values, list):
            yield f"columns.{name}", "not_an_array"
            continue
        for index, value in enumerate(values):
            if isinstance(value, list):
                yield f"columns.{name}[{index}]", "not_a_scalar"
            elif isinstance(value, float) and not isfinite(value):
                yield f"columns.{name}[{index}]", "not_finite"


def _row_places(row: Any, path: str) -> Iterator[tuple[str, str]]:
    """`path` is that of the row, empty where a row is all there is."""
    if not isinstance(row, _Object):
        yield path or "$", "not_an_object"
        return
    prefix = f"{path}." if path else ""
    yield from _repeated(row, prefix)
    for name, value in row:
        if isinstance(value, list):
            yield f"{prefix}{name}", "not_a_scalar"
        elif isinstance(value, float) and not isfinite(value):
            yield f"{prefix}{name}", "not_finite"


def _repeated(content: _Object, prefix: str) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for name, _ in content:
        if name in seen:
            yield f"{prefix}{name}", "repeated_name"
        seen.add(name)
