"""`tabi experiment create`, `status`, `stop` and `list`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from tabi.cli.output import write_line
from tabi.errors import ConfigError
from tabi.workspace import Workspace

app = typer.Typer(help="A/B tests: plan, look at any time, decide.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The model.")]
Number = Annotated[int | None, typer.Option(help="Which experiment of the model; default: the newest.", min=1)]
AsJson = Annotated[bool, typer.Option("--json", help="For a program.")]


@app.command()
def create(
    name: Name,
    hypothesis: Annotated[str, typer.Option(help="What is expected, and why.")],
    arm: Annotated[
        list[str], typer.Option(help="NAME=VERSION or NAME=VERSION:WEIGHT; the first is the control, the champion.")
    ],
    metric: Annotated[str, typer.Option(help="The primary metric, such as accuracy, value or label=yes.")],
    effect: Annotated[str, typer.Option(help="The smallest effect worth a change: 5% of the control's, or 0.01.")],
    guardrail: Annotated[
        list[str] | None, typer.Option(help="What may not become worse, and by how much it may: latency:5%.")
    ] = None,
    unit: Annotated[str, typer.Option(help="What X-Unit-Id names.")] = "user",
    alpha: Annotated[float, typer.Option(help="Share of false alarms, over all arms and looks.")] = 0.05,
    power: Annotated[float, typer.Option(help="Share of effects of that size that are found.")] = 0.8,
    baseline: Annotated[float | None, typer.Option(help="The metric now; default: from the log.")] = None,
    deviation: Annotated[
        float | None, typer.Option(help="Its standard deviation per unit; default: from the log.")
    ] = None,
    units_per_day: Annotated[float | None, typer.Option(help="Units a day; default: from the log.")] = None,
    window: Annotated[float, typer.Option(help="Hours after its first answer for which a unit is read.")] = 0.0,
    before: Annotated[float, typer.Option(help="Days before the start that give a covariate (CUPED).")] = 28.0,
    plan: Annotated[bool, typer.Option("--plan", help="Only compute the sample: begin nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Plan an experiment and begin it: the policy divides the units from now on."""
    from tabi.experiments.create import Asked
    from tabi.experiments.create import create as begin
    from tabi.experiments.create import plan as only_plan
    from tabi.experiments.report import plan_json, plan_lines

    asked = Asked(
        hypothesis=hypothesis,
        arms=tuple(arm),
        metric=metric,
        effect=effect,
        unit=unit,
        guardrails=tuple(guardrail or ()),
        alpha=alpha,
        power=power,
        baseline=baseline,
        deviation=deviation,
        per_day=units_per_day,
        window_hours=window,
        before_days=before,
    )
    if plan:
        design, notes = only_plan(Workspace.find(), name, asked)
        begun = None
    else:
        begun, notes = begin(Workspace.find(), name, asked)
        design = begun.plan
    _note(notes)
    if as_json:
        write_line(plan_json(design, notes, begun.ref if begun else None))
        return
    _say(plan_lines(design))
    if begun is not None:
        typer.echo(f"{begun.ref} of {name} runs: `tabi experiment status {name}` says how it goes")


@app.command()
def status(
    name: Name,
    number: Number = None,
    as_json: AsJson = False,
    html: Annotated[Path | None, typer.Option(help="Write a page into this file.")] = None,
) -> None:
    """What an experiment says now, and what to do; it may be asked as often as one likes."""
    from tabi.experiments.look import look
    from tabi.experiments.page import write_page
    from tabi.experiments.report import reading_json, reading_lines

    kept, reading = look(Workspace.find(), name, number)
    if html is not None:
        write_page(html, kept, reading)
    if as_json:
        write_line(reading_json(kept, reading))
        return
    _say(reading_lines(kept, reading))


@app.command()
def stop(
    name: Name,
    reason: Annotated[str, typer.Option(help="Why; it is kept.")],
    ship: Annotated[str | None, typer.Option(help="The arm that answers all from now on.")] = None,
    back: Annotated[bool, typer.Option("--back", help="The champion answers all again.")] = False,
) -> None:
    """End an experiment: ship an arm, by the rules of a promotion, or go back to the champion."""
    from tabi.experiments.end import stop as end

    if (ship is None) == (not back):
        raise ConfigError("say either --ship ARM or --back")
    ended = end(Workspace.find(), name, ship, reason)
    _note(ended.notes)
    typer.echo(ended.reading.line)
    told = f"{ended.kept.decision} is shipped" if ended.kept.decision else "the champion answers all"
    typer.echo(f"{ended.kept.ref} of {name} is stopped: {told}")


@app.command("list")
def list_(
    name: Annotated[str | None, typer.Argument(help="One model; default: all.")] = None,
    as_json: AsJson = False,
) -> None:
    """All experiments with their decisions and reasons."""
    import msgspec

    from tabi.experiments.history import listed
    from tabi.experiments.report import history_lines
    from tabi.registry.room import Room

    found = listed(Room.open(Workspace.find()), name)
    if as_json:
        write_line(msgspec.json.encode([kept.document() for kept in found]))
        return
    _say(history_lines(found) if found else ["no experiment yet"])


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        typer.echo(line)


def _note(notes: Iterable[str]) -> None:
    for note in notes:
        typer.echo(f"note: {note}", err=True)
