"""`tabi dod`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tabi.cli.output import write_line
from tabi.workspace import Workspace


def dod(
    name: Annotated[str | None, typer.Argument(help="The project; by default the one released last.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document in place of the table.")] = False,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write a page that needs nothing else to this file.")
    ] = None,
    require: Annotated[
        str | None, typer.Option("--require", help="Layers as in 0-5,9 or all: exit 1 unless each is done.")
    ] = None,
) -> None:
    """The Definition of Done: what is done, stale, failing or missing, by its evidence."""
    import msgspec

    from tabi.dod import evaluate, required_layers, unmet
    from tabi.dod.page import write_page
    from tabi.dod.table import print_report

    layers = required_layers(require) if require is not None else frozenset()
    workspace = Workspace.find()
    report = evaluate(workspace, name)
    if json:
        write_line(msgspec.json.encode(report))
    else:
        print_report(report)
    if html is not None:
        write_page(html, report, workspace.root)
        typer.echo(f"wrote {html}", err=True)
    lacking = unmet(report, layers)
    if lacking:
        typer.echo(f"required, but not done: {', '.join(each.key for each in lacking)}", err=True)
    raise typer.Exit(1 if lacking else 0)
