"""The report on a terminal, from 60 columns on."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tabi.dod.condition import LAYERS, Status
from tabi.dod.evaluate import Judged, Report, age_of
from tabi.dod.rubric import SECTIONS, level_of

MARKS: dict[Status, tuple[str, str]] = {
    "done": ("✓", "green"),
    "stale": ("~", "yellow"),
    "failing": ("✗", "red"),
    "missing": ("·", "bright_black"),
}
NOT_BUILT = "no command of this Tabi writes evidence of it yet"


def print_report(report: Report, console: Console | None = None) -> None:
    """Print layers, conditions and the score."""
    console = console or Console(highlight=False, emoji=False, markup=False)
    console.print(head_of(report))
    for layer, title in enumerate(LAYERS):
        judged = report.of_layer(layer)
        finished = sum(each.status == "done" for each in judged)
        console.print()
        console.print(Text(f"{layer:>2} {title}  {finished}/{len(judged)}", style="bold"))
        console.print(Padding(_conditions(judged, report.moment), (0, 0, 0, 3)))
    console.print()
    if any(each.command is None for each in report.conditions):
        console.print(Text(f"– {NOT_BUILT}", style="dim"))
    for line in score_lines(report):
        console.print(line)


def head_of(report: Report) -> str:
    """What is judged, and how many conditions are in which state."""
    counts = ", ".join(f"{count} {status}" for status, count in report.counts.items())
    bundle = f"bundle {report.bundle[:12]}" if report.bundle else "no bundle"
    return f"{report.name}, {bundle}: {counts}, of {len(report.conditions)} conditions"


def score_lines(report: Report) -> Iterator[str]:
    """The ML Test Score, with each section."""
    parts = ", ".join(f"{name} {report.score.sections[name]:g}/7" for name in SECTIONS)
    yield f"ML Test Score {report.score.final:g}: {parts}"
    yield f"  {level_of(report.score.final)}"


def _conditions(judged: tuple[Judged, ...], moment: str) -> Table:
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(width=1)
    table.add_column(ratio=1, overflow="fold")
    table.add_column(justify="right", no_wrap=True)
    for each in judged:
        mark, colour = MARKS[each.status]
        age = age_of(each.at, moment) if each.at else ""
        built = each.command is not None or each.status != "missing"
        table.add_row(Text(mark, colour), Text(each.title, "" if built else "dim"), age if built else Text("–", "dim"))
        if built:
            table.add_row("", Text(_below(each), style="dim" if each.status == "done" else ""), "")
    return table


def _below(each: Judged) -> str:
    """What was found, and where; or what is wrong, and what would write the evidence."""
    if each.status == "done":
        return f"{each.text} ({short(each.link)})" if each.link else each.text
    return f"{each.status}: {each.text}\n→ {each.command}" if each.command else f"{each.status}: {each.text}"


def short(link: str) -> str:
    """The end of a link, which tells one file of a bundle from another."""
    *before, name = link.split("/")
    return f"reports/{name}" if before[-1:] == ["reports"] else name
