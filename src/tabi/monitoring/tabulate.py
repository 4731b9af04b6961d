"""Versions side by side, a column each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isfinite
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tabi.monitoring.intervals import Estimate
    from tabi.monitoring.performance import Measured

WIDTH = 26
NAME = 18


def side_by_side(groups: Sequence[Measured], champion: str, least: int) -> Iterator[str]:
    """A line a measure, and below it what the release of each version had. Few labels are said to be few."""
    if not groups:
        return
    yield _row("", [f"{each.group.version[:12]}{' now' if each.group.version == champion else ''}" for each in groups])
    if any(each.group.arm for each in groups):
        yield _row("arm", [each.group.arm or "-" for each in groups])
    yield _row("rows", [f"{each.group.rows:,}" for each in groups])
    yield _row("labelled", [_labelled(each, least) for each in groups])
    for name in dict.fromkeys(name for each in groups for name in each.estimates):
        yield _row(name, [_cell(each.estimates.get(name)) for each in groups])
        released = [each.release.get(name) for each in groups]
        if any(value is not None for value in released):
            yield _row("  at release", ["-" if value is None else f"{value:.4f}" for value in released])


def _row(name: str, cells: Sequence[str]) -> str:
    return f"{name:<{NAME}}{''.join(f'{cell:<{WIDTH}}' for cell in cells)}".rstrip()


def _labelled(each: Measured, least: int) -> str:
    group = each.group
    few = " few" if group.labelled < least else ""
    return f"{group.labelled:,} ({group.labelled / group.rows:.1%}){few}"


def _cell(estimate: Estimate | None) -> str:
    if estimate is None:
        return "-"
    ends = f" [{estimate.low:.3f}, {estimate.high:.3f}]" if isfinite(estimate.low) else ""
    return f"{estimate.value:.4f}{ends}"
