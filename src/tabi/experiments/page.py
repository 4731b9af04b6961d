"""A reading as one page of HTML, which needs no network, no script and no other file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path

from tabi.errors import ConfigError
from tabi.experiments.history import Kept
from tabi.experiments.picture import picture
from tabi.experiments.report import arm_rows, covariate_lines, decision_line, guardrail_row, split_line
from tabi.experiments.status import Reading


def write_page(path: Path, kept: Kept, reading: Reading) -> None:
    """Write the page; `ConfigError` if it cannot be written."""
    try:
        path.write_text(page_of(kept, reading), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot write {path} ({error.strerror}): name a file in a folder that is there") from error


def page_of(kept: Kept, reading: Reading) -> str:
    """The page."""
    title = f"{reading.experiment} of {reading.name}"
    style = files("tabi.experiments").joinpath("page.css").read_text(encoding="utf-8")
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width,initial-scale=1">',
            f"<title>{escape(title)}</title><style>{style}</style></head><body>",
            *_head(kept, reading, title),
            "<h2>Arms</h2>",
            _table(
                (
                    "arm",
                    "units",
                    "planned",
                    "value",
                    "difference",
                    "valid at every look",
                    "p",
                    "one look",
                    "best",
                    "loss",
                ),
                (_cells(row) for row in arm_rows(reading)),
            ),
            f'<p class="soft">{escape(split_line(reading))}</p>',
            *(f'<p class="soft">{escape(line)}</p>' for line in covariate_lines(reading)),
            *(f'<p class="soft">note: {escape(note)}</p>' for note in reading.notes),
            *_guardrails(reading),
            *_pictures(reading),
            _how(reading),
            "</body></html>",
            "",
        ]
    )


def _head(kept: Kept, reading: Reading, title: str) -> list[str]:
    days = "" if reading.days is None else f" of {reading.days}"
    told = f"day {reading.day:.1f}{days} · {reading.metric} per {reading.unit}"
    moment = reading.at[:16].replace("T", " ")
    found = [
        f"<header><h1>{escape(reading.hypothesis)}<small>{escape(title)}</small></h1>",
        f'<p class="soft">{escape(f"{kept.state} · {told} · read {moment} UTC")}</p></header>',
        f'<p class="now {_look(reading)}">{escape(reading.line)}</p>',
    ]
    if kept.state == "stopped":
        found.append(f"<p>{escape(decision_line(kept))}</p>")
    return found


def _look(reading: Reading) -> str:
    return "wait" if reading.action == "go on" else reading.action


def _guardrails(reading: Reading) -> list[str]:
    if not reading.guardrails:
        return []
    rows = []
    for each in reading.guardrails:
        *first, state, last = guardrail_row(each)
        rows.append("".join((*_tds(first), f'<td class="{each.state}">{escape(state)}</td>', *_tds([last]))))
    heads = ("guardrail", "arm", "may be worse", "is", "valid at every look")
    return ["<h2>Guardrails</h2>", _table(heads, rows)]


def _pictures(reading: Reading) -> list[str]:
    found = []
    for arm in reading.units:
        points = [point for point in reading.series if point.arm == arm]
        if points:
            heading = f"{arm} minus {reading.control}, {reading.metric}"
            found += [f"<h2>{escape(heading)}</h2>", picture(points, heading)]
    if found:
        found.append(
            '<p class="soft">By the day up to which units were first seen. The band holds the difference at every day '
            "together; the bars are for who looks that day alone.</p>"
        )
    return found


def _how(reading: Reading) -> str:
    return (
        "<h2>How to read it</h2><p>Decide by the interval that is valid at every look: it may be looked at daily, and "
        f"whoever stops at the first one without zero errs with probability {reading.alpha:g} at most. “best” and "
        "“loss” are of the Bayesian view, which is not corrected for looks.</p>"
    )


def _table(heads: Sequence[str], rows: Iterable[str]) -> str:
    head = "".join(f"<th>{escape(each)}</th>" for each in heads)
    return f'<div class="scroll"><table><tr>{head}</tr>{"".join(f"<tr>{row}</tr>" for row in rows)}</table></div>'


def _cells(row: Sequence[str]) -> str:
    return "".join(_tds(row))


def _tds(cells: Sequence[str]) -> list[str]:
    return [f"<td>{escape(cell)}</td>" for cell in cells]
