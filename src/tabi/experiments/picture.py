"""The interval of an arm over the days, as a drawing inside of the page (SVG): no script, no other file."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape

from tabi.experiments.status import Point

WIDTH, HEIGHT = 720, 240
LEFT, RIGHT, TOP, BOTTOM = 70, 12, 14, 30
ALONE = 8
"""Half the width of the band of a single day."""

SHOWN = 3.0
"""An interval wider than this many times the last one is cut: the first days say next to nothing."""


def picture(points: Sequence[Point], title: str) -> str:
    """The differences of one arm. The band is valid at every look, the thin bars are of one look."""
    if not points:
        return ""
    low, high = _range(points)
    last, alone = max(points[-1].day, 1), len(points) == 1

    def x(day: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * day / last, 1)

    def y(value: float) -> float:
        share = (min(max(value, low), high) - low) / (high - low)
        return round(TOP + (HEIGHT - TOP - BOTTOM) * (1 - share), 1)

    # a band of one day alone would have no width
    sides = [(point, x(point.day) + aside) for point in points for aside in ((-ALONE, ALONE) if alone else (0,))]
    over = [f"{place},{y(point.always[1])}" for point, place in sides]
    under = [f"{place},{y(point.always[0])}" for point, place in reversed(sides)]
    line = " ".join(f"{x(point.day)},{y(point.difference)}" for point in points)
    bars = "".join(
        f'<line class="bar" x1="{x(p.day)}" x2="{x(p.day)}" y1="{y(p.fixed[0])}" y2="{y(p.fixed[1])}"/>' for p in points
    )
    dots = "".join(f'<circle cx="{x(p.day)}" cy="{y(p.difference)}" r="2.5"/>' for p in points)
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">'
        f"{_axes(low, high, y)}"
        f'<polygon class="band" points="{" ".join(over + under)}"/>{bars}'
        f'<polyline class="line" points="{line}"/>{dots}{_days(points[-1].day, x)}</svg>'
    )


def _range(points: Sequence[Point]) -> tuple[float, float]:
    """What is shown of the values: zero, all estimates, and the intervals as far as they are of use."""
    final = points[-1].always
    reach = SHOWN * (final[1] - final[0]) / 2
    lows = [max(point.always[0], point.difference - reach) for point in points]
    highs = [min(point.always[1], point.difference + reach) for point in points]
    low, high = min(0.0, *lows), max(0.0, *highs)
    pad = 0.05 * (high - low) or 1.0
    return low - pad, high + pad


def _axes(low: float, high: float, y: Callable[[float], float]) -> str:
    step = _step(high - low)
    ticks = [step * place for place in range(math.ceil(low / step), math.floor(high / step) + 1)]
    found = []
    for tick in ticks:
        kind = "zero" if tick == 0 else "grid"
        found.append(f'<line class="{kind}" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(tick)}" y2="{y(tick)}"/>')
        found.append(f'<text x="{LEFT - 8}" y="{y(tick) + 4}" text-anchor="end">{tick:+.3g}</text>')
    return "".join(found)


def _days(last: int, x: Callable[[float], float]) -> str:
    every = max(1, math.ceil(last / 10))
    return "".join(
        f'<text x="{x(day)}" y="{HEIGHT - 8}" text-anchor="middle">{"day " if day == 0 else ""}{day + 1}</text>'
        for day in range(0, last + 1, every)
    )


def _step(width: float) -> float:
    """A round distance that gives four to eight ticks."""
    rough = width / 5
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
