"""A body that was refused -> the places where it is wrong. Slower than decoding, and walked only then."""

from __future__ import annotations

import json
from collections.abc import Iterator
from math import isfinite
from typing import Any

import msgspec

from tabi.errors import RequestError
from tabi.serving.places import refusal

# what is larger is told by the decoder's own words: a walk would cost more memory than the body
EXPLAIN_LIMIT = 1024 * 1024


_UNREADABLE: Any = object()


class _Object(list[tuple[str, Any]]):
    """An object with every name that it has, also those that stand in it twice."""


def explain(body: bytes, field: str, error: Exception | None = None, first: int = 0) -> RequestError:
    """The refusal of a body of which `field` is the only field.

    `error` is what its decoder said, of rows that begin at row `first`.
    """
    return _refusal(_all_places(body, field) if len(body) <= EXPLAIN_LIMIT else [], field, error, first)


def explain_row(line: bytes, error: Exception | None = None) -> RequestError:
    """The refusal of a line that should be one row."""
    content = _loaded(line) if len(line) <= EXPLAIN_LIMIT else _UNREADABLE
    return _refusal([] if content is _UNREADABLE else list(_row_places(content, "")), "$", error, 0)


def _refusal(places: list[tuple[str, str]], field: str, error: Exception | None, first: int) -> RequestError:
    if places:
        return refusal("the body does not fit", places)
    if isinstance(error, msgspec.ValidationError):
        return refusal("the body does not fit", [(_path_in(str(error), field, first), "wrong_shape")])
    if error is None:
        return refusal("the body does not fit", [("$", "repeated_name")])
    position = str(error).rpartition("(")[2].rstrip(")")
    where = f" at {position}" if position.startswith("byte ") else ""
    return refusal(f"the body is not valid JSON{where}", [("$", "not_json")])


def _path_in(message: str, field: str, first: int) -> str:
    """The place that a decoder's message names: `$.x…` is one of the body, `$[i]…` one of its rows from `first`."""
    _, _, path = message.rstrip("`").partition(" - at `$")
    if path.startswith("["):
        index, _, rest = path[1:].partition("]")
        return f"{field}[{first + int(index)}]{rest}" if index.isdecimal() else f"{field}[…]{rest}"
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
