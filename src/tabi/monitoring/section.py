"""A section of `tabi monitor`: what looks at one thing, and what it found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import msgspec

from tabi.monitoring.question import Question

Verdict = Literal["pass", "warn", "fail"]

ORDER: tuple[Verdict, ...] = ("pass", "warn", "fail")
"""From the best to the worst."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a section found.

    `lines`: for a person. `figures`: for a program, plain JSON. `reason`: in a few words why the verdict is what it is.
    `evidence`: the kind of a record of its own, beside the one of the whole; "" leaves none. `pages`: what pages draw,
    too much for a record.
    """

    title: str
    verdict: Verdict
    reason: str
    lines: list[str]
    figures: dict[str, Any]
    evidence: str = ""
    pages: dict[str, Any] = {}


class Section(NamedTuple):
    """`key`: its name in the JSON document."""

    key: str
    look: Callable[[Question], Found]


def worst(verdicts: list[Verdict]) -> Verdict:
    """The worst of verdicts; of none, pass."""
    return max(verdicts, key=ORDER.index, default="pass")
