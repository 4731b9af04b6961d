"""Bodies -> rows, and replies -> bytes. Bodies are decoded by type; only one that fails is walked for the places."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from tabi.contract import Scalar
from tabi.serving.explain import explain, repeats_a_name
from tabi.serving.messages import PredictBody, Row
from tabi.serving.places import refusal

# rows that are decoded at once: what bounds the memory of a large body
CHUNK = 1000

encode = msgspec.json.Encoder().encode


class _Outline(msgspec.Struct, forbid_unknown_fields=True):
    """A `/predict_batch` body whose rows are not decoded yet."""

    rows: list[msgspec.Raw] | msgspec.UnsetType = msgspec.UNSET
    columns: dict[str, msgspec.Raw] | msgspec.UnsetType = msgspec.UNSET


_decode_predict = msgspec.json.Decoder(PredictBody).decode
_decode_outline = msgspec.json.Decoder(_Outline).decode
_decode_rows = msgspec.json.Decoder(list[Row]).decode
_decode_column = msgspec.json.Decoder(list[Scalar]).decode
_decode_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode

_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def read_predict(body: bytes) -> Row:
    """The row of a `/predict` body; `RequestError` names the places that are wrong."""
    try:
        row = _decode_predict(body).features
    except _UNREADABLE as error:
        raise explain(body, "features", error) from error
    _named_once(body, 1 + len(row), "features")
    return row


def read_batch(body: bytes) -> Iterator[list[Row]]:
    """The rows of a `/predict_batch` body, `CHUNK` at a time; `RequestError` names the places that are wrong."""
    try:
        outline = _decode_outline(body)
    except _UNREADABLE as error:
        raise explain(body, _field_of(body), error) from error
    if isinstance(outline.rows, list) and outline.columns is msgspec.UNSET:
        yield from _chunks_of_rows(body, outline.rows)
    elif isinstance(outline.columns, dict) and outline.rows is msgspec.UNSET:
        yield from _chunks_of_columns(body, outline.columns)
    elif outline.rows is msgspec.UNSET:
        raise explain(body, "rows")
    else:
        raise refusal("the body holds rows and columns, send one of them", [("columns", "unknown_field")])


def holds_many(body: bytes) -> bool:
    """Whether a body of either kind is one of many rows."""
    try:
        return not {"rows", "columns"}.isdisjoint(_decode_fields(body))
    except _UNREADABLE:
        return False


def _field_of(body: bytes) -> str:
    """The field that a body, which may be anything, means to fill."""
    try:
        return "columns" if "columns" in _decode_fields(body) else "rows"
    except _UNREADABLE:
        return "rows"


def _chunks_of_rows(body: bytes, raw: Sequence[msgspec.Raw]) -> Iterator[list[Row]]:
    names = 1
    for start in range(0, len(raw), CHUNK):
        try:
            rows = _decode_rows(b"[%b]" % b",".join(raw[start : start + CHUNK]))
        except _UNREADABLE as error:
            raise explain(body, "rows", error, start) from error
        names += sum(map(len, rows))
        yield rows
    _named_once(body, names, "rows")


def _chunks_of_columns(body: bytes, raw: dict[str, msgspec.Raw]) -> Iterator[list[Row]]:
    try:
        columns = {name: _decode_column(values) for name, values in raw.items()}
    except _UNREADABLE as error:
        raise explain(body, "columns", error) from error
    _named_once(body, 1 + len(columns), "columns")
    lengths = {len(values) for values in columns.values()}
    if len(lengths) > 1:
        longest = max(lengths)
        short = [(f"columns.{name}", "wrong_length") for name, values in columns.items() if len(values) < longest]
        raise refusal("the columns differ in length", short)
    for start in range(0, max(lengths, default=0), CHUNK):
        cut = (values[start : start + CHUNK] for values in columns.values())
        yield [dict(zip(columns, values, strict=True)) for values in zip(*cut, strict=True)]


def _named_once(body: bytes, names: int, field: str) -> None:
    """Refuse a body in which a name stands twice in an object: which of the values is meant, no reader can know."""
    # a colon follows each name, so where there are no more colons than names, none was overwritten
    if body.count(b":") != names and repeats_a_name(body):
        raise explain(body, field)
