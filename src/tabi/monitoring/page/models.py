"""The part of the models: versions and arms side by side, each measure on one scale, with its interval and release."""

from __future__ import annotations

from html import escape
from typing import Any

from tabi.monitoring.page import charts
from tabi.monitoring.page.parts import heading
from tabi.monitoring.section import Found

# a scale is a little wider than the figures on it, as a share of their span
MARGIN = 0.15


def part(found: Found, champion: str) -> str:
    """The whole part."""
    groups = found.figures.get("groups", [])
    names = list(dict.fromkeys(name for group in groups for name in group["measures"]))
    table = ""
    if groups:
        head = "".join(f"<th>{_named(group, champion)}" for group in groups)
        rows = [_counts("rows", [f"{group['rows']:,}" for group in groups])]
        rows.append(_counts("labelled", [f"{group['labelled']:,}" for group in groups]))
        rows += [_measure(name, groups) for name in names]
        legend = (
            '<p class="legend"><i class="point"></i> measured on labelled rows, with its interval '
            '<i class="release"></i> at release, on the test set</p>'
        )
        table = (
            f'{legend}<div class="wide"><table class="models"><thead><tr><th>{head}</tr></thead><tbody>{"".join(rows)}'
        )
        table += "</tbody></table></div>"
    return heading("performance", found) + table + "</section>"


def _named(group: dict[str, Any], champion: str) -> str:
    now = ' <em class="badge now-serving">now</em>' if group["version"] == champion else ""
    arm = f"<small>arm {escape(group['arm'])}</small>" if group["arm"] else ""
    return f"<code>{escape(group['version'][:12])}</code>{now}{arm}"


def _counts(name: str, cells: list[str]) -> str:
    return f"<tr><th>{name}{''.join(f'<td>{cell}' for cell in cells)}</tr>"


def _measure(name: str, groups: list[dict[str, Any]]) -> str:
    """A row; what has no figure is a dash."""
    ends = _ends([figure for group in groups for figure in _figures(group, name)])
    cells = []
    for group in groups:
        measured = group["measures"].get(name)
        if measured is None or measured["value"] is None:
            cells.append("–")
            continue
        low, high = measured["low"], measured["high"]
        between = f" <small>{low:.4f} to {high:.4f}</small>" if low is not None and high is not None else ""
        chart = charts.interval(measured["value"], low, high, group["release"].get(name), ends)
        cells.append(f"<b>{measured['value']:.4f}</b>{between}<br>{chart}")
    return _counts(escape(name), cells)


def _figures(group: dict[str, Any], name: str) -> list[float]:
    measured = group["measures"].get(name) or {}
    found = [measured.get("value"), measured.get("low"), measured.get("high"), group["release"].get(name)]
    return [figure for figure in found if figure is not None]


def _ends(figures: list[float]) -> tuple[float, float]:
    if not figures:
        return 0.0, 1.0
    low, high = min(figures), max(figures)
    room = (high - low) * MARGIN or 0.05
    return low - room, high + room
