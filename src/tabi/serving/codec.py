"""Bodies -> rows, and replies -> bytes. Bodies are decoded by type; only one that fails is walked for the places."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from tabi.contract import Fault
from tabi.errors import RequestError
from tabi.serving.messages import MESSAGES, BatchBody, PredictBody, Row, Warned

# a path is cut here: a key of a body may be as long as its sender likes
PATH_LIMIT = 200

encode = msgspec.json.Encoder().encode
_decode_predict = msgspec.json.Decoder(PredictBody).decode
_decode_batch = msgspec.json.Decoder(BatchBody).decode


def read_predict(body: bytes) -> list[Row]:
    """The one row of a `/predict` body; `RequestError` names every place that is wrong."""
    try:
        return [_decode_predict(body).features]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _explain(body, "features", error) from error


def read_batch(body: bytes) -> list[Row]:
    """The rows of a `/predict_batch` body; `RequestError` names every place that is wrong."""
    try:
        return _decode_batch(body).rows
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _explain(body, "rows", error) from error


def read_either(body: bytes) -> tuple[list[Row], bool]:
    """The rows of a body of either kind, and whether it was a batch."""
    try:
        top = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        top = {}
    if "rows" in top:
        return read_batch(body), True
    return read_predict(body), False


def faults_as_warnings(faults: Sequence[Fault], *, batch: bool) -> list[Warned]:
    """Faults of rows as places inside the body that they came from."""
    return [
        warned((f"rows[{f.row}]" if batch else "features") + (f".{f.column}" if f.column else ""), f.rule)
        for f in faults
    ]


def warned(path: str, rule: str) -> Warned:
    """A place with the sentence that belongs to the rule."""
    return Warned(path[:PATH_LIMIT], rule, MESSAGES[rule])


def _explain(body: bytes, field: str, error: Exception) -> RequestError:
    try:
        content = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        position = str(error).rpartition("(")[2].rstrip(")")
        where = f" at {position}" if position.startswith("byte") else ""
        return RequestError(f"the body is not valid JSON{where}: send one UTF-8 JSON object")
    problems = tuple(_problems(content, field))
    return RequestError(f"the body does not fit: send an object with {field!r}, see /docs", problems)


def _problems(content: Any, field: str) -> Iterator[tuple[str, str]]:
    if not isinstance(content, dict):
        yield "$", "not_an_object"
        return
    for name in content:
        if name != field:
            yield name, "unknown_field"
    if field not in content:
        yield field, "missing_field"
    elif field == "features":
        yield from _row_problems(content[field], field)
    elif not isinstance(content[field], list):
        yield field, "not_an_array"
    else:
        for index, row in enumerate(content[field]):
            yield from _row_problems(row, f"{field}[{index}]")


def _row_problems(row: Any, path: str) -> Iterator[tuple[str, str]]:
    if not isinstance(row, dict):
        yield path, "not_an_object"
        return
    for name, value in row.items():
        if isinstance(value, (dict, list)):
            yield f"{path}.{name}", "not_a_scalar"
