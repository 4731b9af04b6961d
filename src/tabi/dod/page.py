"""The report as one page of HTML, which needs no network, no script and no other file."""

from __future__ import annotations

import os
import re
from html import escape
from importlib.resources import files
from pathlib import Path

from tabi.dod.condition import CONDITIONS, LAYERS
from tabi.dod.evaluate import STATUSES, Judged, Report, age_of
from tabi.dod.ring import ring
from tabi.dod.rubric import SECTIONS, TESTS, level_of
from tabi.dod.table import NOT_BUILT, short
from tabi.errors import ConfigError

WORDS = {
    "done": "proved by evidence",
    "stale": "evidence of something older",
    "failing": "evidence against it",
    "missing": "no evidence",
}


def write_page(path: Path, report: Report, root: Path) -> None:
    """Write the page. Links to evidence are relative to where it lies. `ConfigError` if it cannot be written."""
    text = page_of(report, root, path.resolve().parent)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot write {path} ({error.strerror}): name a file in a folder that is there") from error


def page_of(report: Report, root: Path, folder: Path) -> str:
    """The page as it stands in `folder`, for a workspace at `root`."""
    title = f"Definition of Done: {report.name}"
    style = files("tabi.dod").joinpath("page.css").read_text(encoding="utf-8")
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width,initial-scale=1">',
            f"<title>{escape(title)}</title><style>{style}</style></head><body>",
            _head(report),
            '<section class="house">',
            *(_band(report, layer) for layer in reversed(range(len(LAYERS)))),
            "</section>",
            _score(report),
            "<section><h2>Conditions and their evidence</h2>",
            *(_layer(report, layer, root, folder) for layer in range(len(LAYERS))),
            "</section></body></html>",
            "",
        ]
    )


def _head(report: Report) -> str:
    counts = report.counts
    legend = "".join(
        f'<li class="{status}"><b>{counts[status]}</b> {status}<span>{WORDS[status]}</span></li>' for status in STATUSES
    )
    bundle = f"bundle <code>{report.bundle[:12]}</code>" if report.bundle else "no bundle yet"
    return (
        f"<header>{ring(counts)}<div><h1>{escape(report.name)}<small>Definition of Done</small></h1>"
        f"<p>{bundle} · judged {report.moment[:16].replace('T', ' ')} UTC</p>"
        f'<ul class="legend">{legend}</ul></div></header>'
    )


def _band(report: Report, layer: int) -> str:
    judged = report.of_layer(layer)
    finished = sum(each.status == "done" for each in judged)
    chips = "".join(
        f'<a class="chip {_look(each)}" href="#{each.key}" title="{escape(each.text)}">{escape(each.title)}</a>'
        for each in judged
    )
    whole = " whole" if finished == len(judged) else ""
    return (
        f'<div class="band{whole}"><div class="name"><b>{layer}</b>{LAYERS[layer]}'
        f'<span>{finished}/{len(judged)}</span></div><div class="chips">{chips}</div></div>'
    )


def _look(each: Judged) -> str:
    """What nothing writes evidence of yet looks other than what was left undone."""
    return "missing unbuilt" if each.command is None and each.status == "missing" else each.status


def _score(report: Report) -> str:
    sections = "".join(
        f'<div class="bar"><span>{name}</span><i><u style="width:{100 * report.score.sections[name] / 7:.1f}%"></u></i>'
        f"<b>{report.score.sections[name]:g} / 7</b></div>"
        for name in SECTIONS
    )
    rows = "".join(
        f'<tr><td class="p p{int(each.points * 2)}">{each.points:g}</td><td>{each.section}</td>'
        f"<td>{escape(TESTS[each.key].title)}<small>{escape(each.text)}</small></td></tr>"
        for each in report.score.tests
    )
    return (
        f'<section class="score"><h2>ML Test Score <b>{report.score.final:g}</b></h2>'
        f"<p>{level_of(report.score.final).capitalize()}. The smallest of four sections; half a point by hand, a "
        "whole one automated. After Breck et al., <cite>The ML Test Score</cite>, IEEE Big Data 2017.</p>"
        f"{sections}<details><summary>The 28 tests</summary><table>{rows}</table></details></section>"
    )


def _layer(report: Report, layer: int, root: Path, folder: Path) -> str:
    rows = "".join(_row(each, report.moment, root, folder) for each in report.of_layer(layer))
    return f'<div class="layer"><h3><b>{layer}</b> {LAYERS[layer]}</h3>{rows}</div>'


def _row(each: Judged, moment: str, root: Path, folder: Path) -> str:
    age = f"<time>{age_of(each.at, moment)} ago</time>" if each.at else ""
    link = _link(each.link, root, folder) if each.link else ""
    todo = ""
    if each.status != "done":
        todo = f"<p>→ <code>{escape(each.command)}</code></p>" if each.command else f"<p>→ {NOT_BUILT}</p>"
    return (
        f'<article id="{each.key}" class="{each.status}"><h4><em>{each.status}</em>{escape(each.title)}{age}</h4>'
        f'<p>{escape(each.text)} {link}</p>{todo}<p class="how">{_marked(CONDITIONS[each.key].detail)}</p></article>'
    )


def _marked(text: str) -> str:
    """Text of a docstring: what stands between backticks is code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _link(link: str, root: Path, folder: Path) -> str:
    """A link to the file; the line that stands behind it in evidence is no part of its name."""
    path, _, _ = link.partition(".jsonl:")
    file = root / (f"{path}.jsonl" if path != link else link)
    target = Path(os.path.relpath(file, folder)).as_posix()
    return f'<a href="{escape(target)}">{escape(short(link))}</a>'
