"""The lines of the prediction log, and how they become bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

Input = float | str | None
"""A value as the model saw it: a number, a category's text, `None` for a missing number, "" for a missing category."""


class PredictionLine(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, tag_field="kind", tag="prediction"):
    """One row that was answered, of two classes.

    `id`: of its request. `row`: its index in the request. `time`: seconds since 1970 in UTC. `version`: the bundle id.
    `inputs`: the row in the contract's order. `probability`: of the positive label, `None` where the model gave none.
    `warnings`: (column, rule) of each fault that was let pass. `ms`: milliseconds from request to answer.
    `arm`: of the policy, "" where it has none. `unit`: whom the policy took the row for, "" where nobody was named.
    `masked`: a letter for each of `inputs`: f as it is, h a keyed hash, n left out; "" is f for all. What is empty of
    these three takes nothing in the line.
    """

    id: str
    row: int
    time: float
    model: str
    version: str
    inputs: Sequence[Input]
    label: str
    probability: float | None
    warnings: Sequence[tuple[str, str]]
    ms: float
    arm: str = ""
    unit: str = ""
    masked: str = ""


class MulticlassLine(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, tag_field="kind", tag="multiclass"):
    """One row that was answered, of several classes. `probabilities`: of all of them, in the contract's order."""

    id: str
    row: int
    time: float
    model: str
    version: str
    inputs: Sequence[Input]
    label: str
    probabilities: Sequence[float | None]
    warnings: Sequence[tuple[str, str]]
    ms: float
    arm: str = ""
    unit: str = ""
    masked: str = ""


class RegressionLine(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, tag_field="kind", tag="regression"):
    """One row that was answered with a number."""

    id: str
    row: int
    time: float
    model: str
    version: str
    inputs: Sequence[Input]
    value: float | None
    warnings: Sequence[tuple[str, str]]
    ms: float
    arm: str = ""
    unit: str = ""
    masked: str = ""


Line = PredictionLine | MulticlassLine | RegressionLine
"""Whatever a line may be, told apart by its field `kind`."""

_encode_lines = msgspec.json.Encoder().encode_lines


def encode_lines(lines: Sequence[Line]) -> bytes:
    """A line of valid JSON each, every one ended by a newline. NaN and infinity become null.

    Half of a surrogate pair, which UTF-8 cannot hold, becomes U+FFFD.
    """
    try:
        return _encode_lines(lines)
    except UnicodeEncodeError:
        return _encode_lines([_whole(msgspec.to_builtins(line)) for line in lines])


def _whole(value: Any) -> Any:
    """`value` with nothing in its texts that UTF-8 cannot hold."""
    if isinstance(value, str):
        # through UTF-16 a pair that came in two halves is joined, and only a lone half is replaced
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, dict):
        return {name: _whole(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_whole(inner) for inner in value]
    return value
