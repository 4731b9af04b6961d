"""The page as a whole."""

from __future__ import annotations

from html import escape
from importlib.resources import files

from tabi.monitoring.page import drift, models
from tabi.monitoring.page.parts import badge, class_of, heading
from tabi.monitoring.report import Report
from tabi.monitoring.section import Found

# drawn by a part of their own; the rest is shown as lines
DRAWN = {"drift", "performance"}
# more are shown when somebody asks for them
MOST_LINES = 20


def page_of(report: Report) -> str:
    """The page of a report. Every text that is not ours is escaped."""
    style = files("tabi.monitoring.page").joinpath("page.css").read_text(encoding="utf-8")
    title = f"{report.model} in use"
    sections = report.sections
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width,initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>{escape(title)}</title><style>{style}</style></head><body>",
            _head(report, title),
            _summary(sections),
            models.part(sections["performance"], report.bundle) if "performance" in sections else "",
            drift.part(sections["drift"]) if "drift" in sections else "",
            *(_plain(key, found) for key, found in sections.items() if key not in DRAWN),
            "</body></html>",
            "",
        ]
    )


def _head(report: Report, title: str) -> str:
    begin, end = (escape(moment[:16].replace("T", " ")) for moment in (report.begin, report.end))
    return (
        f"<header><h1>{escape(title)}</h1>{badge(report.verdict)}"
        f"<p>bundle <code>{escape(report.bundle[:12])}</code> · {begin} to {end} UTC</p></header>"
    )


def _summary(sections: dict[str, Found]) -> str:
    tiles = "".join(
        f'<a class="tile {class_of(found.verdict)}" href="#{escape(key)}"><b>{escape(found.title)}</b>'
        f"{badge(found.verdict)}"
        f"<span>{escape(found.reason)}</span></a>"
        for key, found in sections.items()
    )
    return f'<nav class="tiles">{tiles}</nav>'


def _plain(key: str, found: Found) -> str:
    text = escape("\n".join(found.lines))
    lines = f"<pre>{text}</pre>" if found.lines else ""
    if len(found.lines) > MOST_LINES:
        lines = f"<details><summary>{len(found.lines)} lines</summary>{lines}</details>"
    return heading(key, found) + lines + "</section>"
