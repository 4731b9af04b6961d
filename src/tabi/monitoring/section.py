"""A section of `tabi monitor`: what looks at one thing, and what it found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import msgspec

from tabi.monitoring.question import Question

Verdict = Literal["not judged", "pass", "warn", "fail"]

ORDER: tuple[Verdict, ...] = ("not judged", "pass", "warn", "fail")
"""From the best to the worst. What was not judged says nothing about the model, good or bad."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a section found.

    `lines`: for a person. `figures`: for a program, plain JSON. `reason`: in a few words why the verdict is what it is.
    `needed`: where too few rows were there to judge, how many it takes. `evidence`: the kind of a record of its own,
    beside the one of the whole; "" leaves none. `pages`: what pages draw, too much for a record.
    """

    title: str
    verdict: Verdict
    reason: str
    lines: list[str]
    figures: dict[str, Any]
    needed: int | None = None
    evidence: str = ""
    pages: dict[str, Any] = {}


class Section(NamedTuple):
    """`key`: its name in the JSON document."""

    key: str
    look: Callable[[Question], Found]


def not_judged(
    title: str, reason: str, figures: dict[str, Any] | None = None, *, needed: int | None = None, evidence: str = ""
) -> Found:
    """What could not be judged, and why."""
    return Found(
        title=title,
        verdict="not judged",
        reason=reason,
        lines=[],
        figures=figures or {},
        needed=needed,
        evidence=evidence,
    )


def too_few(rows: int, needed: int, what: str = "rows") -> str:
    """The reason where rows are too few."""
    return f"{rows} {what}, {needed} {'is' if needed == 1 else 'are'} needed"


def worst(verdicts: list[Verdict]) -> Verdict:
    """The worst of verdicts; of none, not judged."""
    return max(verdicts, key=ORDER.index, default="not judged")
