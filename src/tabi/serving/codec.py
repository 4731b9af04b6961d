"""Bodies -> rows, and replies -> bytes. Bodies are decoded by type; only one that fails is walked for the places."""

from __future__ import annotations

import msgspec

from tabi.serving.explain import explain, repeats_a_name
from tabi.serving.messages import BatchBody, PredictBody, Row

encode = msgspec.json.Encoder().encode
_decode_predict = msgspec.json.Decoder(PredictBody).decode
_decode_batch = msgspec.json.Decoder(BatchBody).decode
_decode_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode

_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def read_predict(body: bytes) -> list[Row]:
    """The one row of a `/predict` body; `RequestError` names the places that are wrong."""
    try:
        rows = [_decode_predict(body).features]
    except _UNREADABLE as error:
        raise explain(body, "features", error) from error
    return _named_once(body, rows, "features")


def read_batch(body: bytes) -> list[Row]:
    """The rows of a `/predict_batch` body; `RequestError` names the places that are wrong."""
    try:
        rows = _decode_batch(body).rows
    except _UNREADABLE as error:
        raise explain(body, "rows", error) from error
    return _named_once(body, rows, "rows")


def read_either(body: bytes) -> tuple[list[Row], bool]:
    """The rows of a body of either kind, and whether it was a batch."""
    try:
        batch = "rows" in _decode_fields(body)
    except _UNREADABLE:
        batch = False
    return (read_batch(body), True) if batch else (read_predict(body), False)


def _named_once(body: bytes, rows: list[Row], field: str) -> list[Row]:
    """`rows` if no name stands twice in an object: which of the two values is meant, no reader can know."""
    # a colon follows each name, so where there are no more colons than names, none was overwritten
    if body.count(b":") != 1 + sum(map(len, rows)) and repeats_a_name(body):
        raise explain(body, field)
    return rows
