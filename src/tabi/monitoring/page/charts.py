"""Small pictures as inline SVG: bars of two distributions, an interval, bars over time."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT = 190, 44
MOST_BINS = 16


def distributions(names: Sequence[str], reference: Sequence[float], now: Sequence[float]) -> str:
    """Two bars a bin, the reference beside what is seen now. Of many bins those with the largest shares."""
    largest = sorted(range(len(names)), key=lambda index: max(reference[index], now[index]), reverse=True)
    kept = sorted(largest[:MOST_BINS])
    top = max([*reference, *now, 1e-9])
    step = WIDTH / max(len(kept), 1)
    bar = min(step * 0.42, 14)
    drawn = []
    for place, index in enumerate(kept):
        left = place * step + step / 2 - bar
        told = escape(f"{names[index]}: {reference[index]:.1%} then, {now[index]:.1%} now")
        drawn.append(
            f"<g><title>{told}</title>{_bar(left, bar, reference[index] / top, 'then')}"
            f"{_bar(left + bar, bar, now[index] / top, 'now')}</g>"
        )
    return _svg(WIDTH, HEIGHT, "".join(drawn), "shares by bin, then and now")


def interval(
    value: float, low: float | None, high: float | None, release: float | None, ends: tuple[float, float]
) -> str:
    """A figure as a point with its interval, and the release's as a mark, on a scale from end to end."""
    first, last = ends
    span = (last - first) or 1.0

    def at(figure: float) -> float:
        return 6 + (WIDTH - 12) * min(max((figure - first) / span, 0), 1)

    drawn = ['<line class="rule" x1="6" x2="184" y1="11" y2="11"/>']
    if low is not None and high is not None:
        drawn.append(f'<line class="whisker" x1="{at(low):.1f}" x2="{at(high):.1f}" y1="11" y2="11"/>')
    if release is not None:
        drawn.append(
            f'<path class="release" d="M{at(release):.1f} 3v16"><title>at release {release:.4f}</title></path>'
        )
    drawn.append(f'<circle class="point" cx="{at(value):.1f}" cy="11" r="4"/>')
    return _svg(WIDTH, 22, "".join(drawn), f"{value:.4f}")


def over_time(figures: Sequence[tuple[str, float, bool]], floor: float) -> str:
    """A bar a window: its name, the figure, and whether it is an alarm; with a line at the floor."""
    width, height = 760, 90
    top = max([floor * 1.5, *(figure for _, figure, _ in figures)])
    step = width / max(len(figures), 1)
    drawn = []
    for place, (name, figure, alarm) in enumerate(figures):
        tall = max(figure / top * (height - 6), 1)
        drawn.append(
            f'<rect class="{"alarm" if alarm else "quiet"}" x="{place * step + step * 0.1:.1f}"'
            f' y="{height - tall:.1f}" width="{max(step * 0.8, 0.8):.1f}" height="{tall:.1f}">'
            f"<title>{escape(name)}: {figure:.3f}</title></rect>"
        )
    line = height - floor / top * (height - 6)
    drawn.append(f'<line class="floor" x1="0" x2="{width}" y1="{line:.1f}" y2="{line:.1f}"/>')
    return _svg(width, height, "".join(drawn), "the largest PSI of each window")


def _bar(left: float, width: float, share: float, name: str) -> str:
    tall = max(share * (HEIGHT - 2), 0.8 if share else 0)
    return (
        f'<rect class="{name}" x="{left:.1f}" y="{HEIGHT - tall:.1f}" width="{max(width - 0.6, 0.6):.1f}"'
        f' height="{tall:.1f}"/>'
    )


def _svg(width: int, height: int, drawn: str, told: str) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img"'
        f' aria-label="{escape(told)}">{drawn}</svg>'
    )
