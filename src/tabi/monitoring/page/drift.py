"""The part of drift: a row for each column, with its distributions then and now, and the windows over time."""

from __future__ import annotations

from html import escape
from typing import Any

from tabi.monitoring.page import charts
from tabi.monitoring.page.parts import badge, heading
from tabi.monitoring.section import Found

_HEAD = "<tr><th>column<th>then and now<th>status<th>PSI<th>chance<th>JS<th>p adjusted<th>rows<th>needed</tr>"


def part(found: Found) -> str:
    """The whole part."""
    columns, bins = found.figures.get("columns", []), found.pages.get("bins", {})
    table = ""
    if columns:
        rows = "".join(_row(column, bins.get(column["column"])) for column in columns)
        legend = (
            '<p class="legend"><i class="then"></i> training snapshot <i class="now"></i> served rows of the whole '
            "time. Chance: the PSI that windows without any change pass as rarely as the project asks. "
            "Needed: the rows from which a PSI of the floor is more than chance.</p>"
        )
        table = f'{legend}<div class="wide"><table><thead>{_HEAD}</thead><tbody>{rows}</tbody></table></div>'
    return heading("drift", found) + _windows(found) + table + "</section>"


def _windows(found: Found) -> str:
    windows = found.figures.get("windows", [])
    if not windows:
        return ""
    figures = []
    for window in windows:
        most = max((column["psi"] for column in window["columns"]), default=0.0)
        alarms = [column["column"] for column in window["columns"] if column["status"] == "drift"]
        told = ", ".join([f"{window['begin'][:16].replace('T', ' ')} {window['rows']} rows", *alarms])
        figures.append((told, most, bool(alarms)))
    floor = found.figures["rules"]["floor"]
    first, last = (window["begin"][:16].replace("T", " ") for window in (windows[0], windows[-1]))
    return (
        f'<figure class="wide">{charts.over_time(figures, floor)}<figcaption>The largest PSI of a column in each'
        f" window, {escape(first)} to {escape(last)}; the line is the floor of {floor:g}.</figcaption></figure>"
    )


def _row(column: dict[str, Any], bins: dict[str, Any] | None) -> str:
    chart = charts.distributions(bins["names"], bins["reference"], bins["now"]) if bins else ""
    needed = "–" if column["needed"] is None else f"{column['needed']:,}"
    bound = "–" if column["bound"] > 99 else f"{column['bound']:.4f}"
    return (
        f"<tr><th>{escape(column['column'])}<td>{chart}<td>{badge(column['status'])}<td>{column['psi']:.4f}<td>{bound}"
        f"<td>{column['js']:.4f}<td>{column['adjusted']:.2g} <small>{escape(column['test'])}</small>"
        f"<td>{column['rows']:,}<td>{needed}</tr>"
    )
