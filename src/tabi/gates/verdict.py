"""What a gate says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from tabi.errors import GateError

Word = Literal["pass", "warn", "fail", "skipped", "off", "overridden"]
Level = Literal["pass", "warn", "fail"]
# from the best to the worst
LEVELS: tuple[Level, ...] = ("pass", "warn", "fail")


class Override(msgspec.Struct, frozen=True):
    """Who let a failed gate through, and why."""

    by: str
    reason: str


class Verdict(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a gate says, with the figures that it rests on.

    `fail` stops; `warn` lets through and is shown. `skipped`: there was nothing to judge. `off`: the project does not
    ask. `overridden`: it failed and was let through. `report`: the bundle's file that has more.
    """

    gate: str
    verdict: Word
    figures: dict[str, float]
    reason: str
    report: str | None = None
    override: Override | None = None


def worst(levels: Sequence[Level]) -> Level:
    """The worst of some levels, `pass` of none."""
    return max(levels, key=LEVELS.index, default="pass")


def level_above(value: float, bound: float | None, usual: float) -> Level:
    """How bad a value is that should be small. Above the project's own bound it fails, above the usual one it warns.

    A value that is no number is above any bound.
    """
    if bound is None:
        return "pass" if value <= usual else "warn"
    return "pass" if value <= bound else "fail"


def level_below(value: float, bound: float | None, usual: float) -> Level:
    """The same of a value that should be large."""
    return level_above(-value, None if bound is None else -bound, -usual)


def to_json(verdicts: Sequence[Verdict]) -> bytes:
    """`gates.json`: the verdicts in the order in which the gates ran."""
    return msgspec.json.format(msgspec.json.encode(verdicts), indent=2) + b"\n"


def require(verdicts: Sequence[Verdict], name: str) -> None:
    """Raise `GateError` that names every gate that failed, and why."""
    failed = [f"{v.gate}: {v.reason}" for v in verdicts if v.verdict == "fail"]
    if failed:
        raise GateError(f"no bundle of {name!r}: gate {'; gate '.join(failed)}")
