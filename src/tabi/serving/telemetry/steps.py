"""Where the time of a sampled request goes. Whoever has done a step says so, and it began where the one before ended.

While no sampled request is under way, saying so costs a look at an empty dict.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tabi.serving.telemetry.trace import Attribute, Span

UNDER_WAY: dict[str, Span] = {}
"""Sampled requests of this process by their ids."""

Spans = tuple["Span", ...]


def mark(request_id: str, step: str, **attributes: Attribute) -> None:
    """A step of a request has ended; nothing if it is not sampled. Safe to call from any thread."""
    if UNDER_WAY and (span := UNDER_WAY.get(request_id)) is not None:
        span.mark(step, attributes)


def sampled(request_ids: Iterable[str]) -> Spans:
    """The spans of those of the requests that are sampled. To be asked only where any is under way."""
    return tuple(span for each in request_ids if (span := UNDER_WAY.get(each)) is not None)


def mark_all(spans: Spans, step: str, **attributes: Attribute) -> None:
    """A step that requests have in common has ended: each has it, linked with the others'."""
    for span in spans:
        span.mark(step, attributes, tuple(other for other in spans if other is not span))
