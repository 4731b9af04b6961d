"""Bodies of `/feedback` -> lines of the log. One that is wrong in any place is refused whole."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from hashlib import blake2b
from math import isfinite
from typing import Annotated, NamedTuple

import msgspec

from tabi.contract import Target
from tabi.contract.values import Scalar, category_of, number_of
from tabi.predictions import FeedbackLine
from tabi.serving.places import MAX_PLACES, refusal

# of an id; a server takes none that is longer
ID_LIMIT = 256
# clocks differ
FUTURE_SECONDS = 300.0


class FeedbackBody(msgspec.Struct, forbid_unknown_fields=True):
    """What became of one row: of a request's by `request_id` and `row`, or of the last of a unit by `unit_id`.

    `label`: the true class, or the true number. `value`: what it was worth to the business. One of both is needed.
    `at`: when that was known; now, if it is left out. `id`: the same feedback has the same; if it is left out, feedback
    of the same content is the same.
    """

    request_id: str = ""
    unit_id: str = ""
    row: Annotated[int, msgspec.Meta(ge=0, lt=2**31)] = 0
    label: Scalar = None
    value: float | None = None
    at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    id: str = ""


class FeedbackReply(msgspec.Struct):
    """Answer to `POST /feedback`: how many pieces were taken, and how many had been taken before."""

    accepted: int
    duplicates: int
    request_id: str


class _Item(NamedTuple):
    """A piece of feedback; `path`: what its places begin with."""

    path: str
    given: FeedbackBody


_decode = msgspec.json.Decoder(FeedbackBody | list[FeedbackBody]).decode
_decode_one = msgspec.json.Decoder(FeedbackBody).decode
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_place = re.compile(r" - at `\$(.*)`$").search
_unknown = re.compile(r"unknown field `(.*?)`").search


def read_lines(body: bytes, most: int) -> list[_Item]:
    """The pieces in a body of a JSON object a line."""
    items: list[_Item] = []
    for text in body.split(b"\n"):
        if text.strip():
            path = f"[{len(items)}]"
            if len(items) == most:
                raise _too_many(most)
            try:
                items.append(_Item(f"{path}.", _decode_one(text)))
            except _UNREADABLE as error:
                raise refusal("the feedback cannot be read", [_place_of(error, path)]) from error
    return items


def read_body(body: bytes, most: int) -> list[_Item]:
    """The pieces in a body of one JSON object, or of an array of them."""
    try:
        found = _decode(body)
    except _UNREADABLE as error:
        raise refusal("the feedback cannot be read", [_place_of(error, "")]) from error
    if isinstance(found, FeedbackBody):
        return [_Item("", found)]
    if len(found) > most:
        raise _too_many(most)
    return [_Item(f"[{index}].", given) for index, given in enumerate(found)]


def lines_of(items: Sequence[_Item], model: str, target: Target, now: float) -> list[FeedbackLine]:
    """Lines for the log; `RequestError` names each place that does not fit the model's target."""
    faults = [(f"{item.path}{name}", rule) for item in items for name, rule in _faults(item.given, target, now)]
    if faults:
        raise refusal("the feedback does not fit the model", faults[:MAX_PLACES])
    return [_line(item.given, model, target, now) for item in items]


def _faults(given: FeedbackBody, target: Target, now: float) -> Iterator[tuple[str, str]]:
    if not (given.request_id or given.unit_id):
        yield "request_id", "missing_field"
    if given.request_id and given.unit_id:
        yield "unit_id", "not_alone"
    for name in ("request_id", "unit_id", "id"):
        if len(getattr(given, name)) > ID_LIMIT:
            yield name, "too_long"
    if given.label is None and given.value is None:
        yield "label", "missing_field"
    if given.label is not None and (rule := _fault_of_label(given.label, target)):
        yield "label", rule
    if given.value is not None and not isfinite(given.value):
        yield "value", "not_finite"
    if given.at is not None and given.at.timestamp() > now + FUTURE_SECONDS:
        yield "at", "in_the_future"


def _fault_of_label(label: Scalar, target: Target) -> str | None:
    if target.task != "regression":
        return None if category_of(label) in target.classes else "unknown_class"
    number, rule = number_of(label)
    return rule or (None if isfinite(number) and not isinstance(label, bool) else "not_a_number")


def _line(given: FeedbackBody, model: str, target: Target, now: float) -> FeedbackLine:
    label: str | float | None = None
    if given.label is not None:
        label = number_of(given.label)[0] if target.task == "regression" else category_of(given.label)
    at = None if given.at is None else given.at.timestamp()
    return FeedbackLine(
        key=given.id or _digest(given, label, at),
        time=now,
        model=model,
        at=now if at is None else at,
        id=given.request_id,
        row=given.row,
        unit=given.unit_id,
        label=label,
        value=given.value,
    )


def _digest(given: FeedbackBody, label: str | float | None, at: float | None) -> str:
    content = msgspec.json.encode((given.request_id, given.unit_id, given.row, label, given.value, at))
    # a client's own id could be any text, but for one with this sign before it nobody has a reason
    return f"={blake2b(content, digest_size=16).hexdigest()}"


def _place_of(error: Exception, path: str) -> tuple[str, str]:
    if not isinstance(error, msgspec.ValidationError):
        return path or "$", "not_json"
    where = _place(str(error))
    inside = path + (where[1] if where else "")
    unknown = _unknown(str(error))
    if unknown:
        return f"{inside}.{unknown[1]}".lstrip("."), "unknown_field"
    return inside.lstrip(".") or "$", "wrong_shape"


def _too_many(most: int) -> Exception:
    return refusal(f"a request may hold {most} pieces of feedback, send several", [("$", "too_many_rows")])
