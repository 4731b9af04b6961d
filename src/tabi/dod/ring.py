"""The ring at the top of the page."""

from __future__ import annotations

import math
from collections.abc import Mapping

from tabi.dod.condition import Status

COLOURS: dict[Status, str] = {"done": "#1f9d66", "stale": "#e8a317", "failing": "#c8323c", "missing": "#c9ced6"}


def ring(counts: Mapping[Status, int]) -> str:
    """A ring of the states, with how many are done in the middle."""
    total = sum(counts.values()) or 1
    length = 2 * math.pi * 52
    parts, before = [], 0.0
    for status, count in counts.items():
        share = length * count / total
        parts.append(
            f'<circle r="52" cx="70" cy="70" fill="none" stroke="{COLOURS[status]}" stroke-width="18" '
            f'stroke-dasharray="{share:.2f} {length - share:.2f}" stroke-dashoffset="{-before:.2f}" '
            'transform="rotate(-90 70 70)"/>'
        )
        before += share
    told = f"{counts['done']} of {total} conditions are done"
    return (
        f'<svg width="140" height="140" viewBox="0 0 140 140" role="img" aria-label="{told}">{"".join(parts)}'
        f'<g text-anchor="middle"><text x="70" y="72" font-size="34" font-weight="700">{counts["done"]}</text>'
        f'<text x="70" y="92" font-size="14" fill="#5d6876">of {total}</text></g></svg>'
    )
