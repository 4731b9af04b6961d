"""What a gate says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from tabi.errors import GateError


class Verdict(msgspec.Struct, frozen=True):
    """`pass`, `warn` (let through and shown) or `fail` (stops), with the figures it rests on."""

    gate: str
    verdict: Literal["pass", "warn", "fail"]
    figures: dict[str, float]
    reason: str


def to_json(verdicts: Sequence[Verdict]) -> bytes:
    """`gates.json`: the verdicts in the order in which the gates ran."""
    return msgspec.json.format(msgspec.json.encode(verdicts), indent=2) + b"\n"


def require(verdicts: Sequence[Verdict], name: str) -> None:
    """Raise `GateError` that names every gate that failed, and why."""
    failed = [f"{v.gate}: {v.reason}" for v in verdicts if v.verdict == "fail"]
    if failed:
        raise GateError(f"no bundle of {name!r}: gate {'; gate '.join(failed)}")
