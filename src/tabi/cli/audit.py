"""`tabi audit`, `tabi whoami`."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from tabi.workspace import Workspace

app = typer.Typer(help="The audit trail: who did what, when and why.", no_args_is_help=True)


class Format(Enum):
    """What an export is written as."""

    json = "json"
    csv = "csv"


@app.command("verify")
def verify(
    against: Annotated[
        Path | None, typer.Option(help="An earlier export in JSON lines, whose rows must all be there.")
    ] = None,
) -> None:
    """Look for rows that were changed, deleted, put in or reordered; exit 1 if there are any."""
    from tabi.registry.audit import verify as verify_trail

    found = verify_trail(Workspace.find(), against)
    for finding in found.findings:
        typer.echo(f"{'trail' if finding.number is None else f'row {finding.number}'}: {finding.problem}")
    others = f", {found.others} anchors of other databases" if found.others else ""
    typer.echo(f"{found.rows} rows, {found.anchored} anchored{others}, {len(found.findings)} findings")
    typer.echo(found.head)
    raise typer.Exit(1 if found.findings else 0)


@app.command("export")
def export(
    file: Annotated[Path | None, typer.Argument(help="Where to; standard output if left out.")] = None,
    form: Annotated[Format, typer.Option("--format", help="JSON lines, or CSV for a spreadsheet.")] = Format.json,
) -> None:
    """Write the whole trail."""
    from tabi.registry.audit import export as export_trail

    count = export_trail(Workspace.find(), file, form.value)
    if file is not None:
        typer.echo(f"{count} rows")


@app.command("list")
def listing(
    name: Annotated[str | None, typer.Option("--object", help="A model, or one version as NAME:VERSION.")] = None,
    last: Annotated[int, typer.Option(help="How many rows.", min=1)] = 50,
) -> None:
    """Show the last rows."""
    from tabi.registry.audit import table

    for line in table(Workspace.find(), name, last):
        typer.echo(line)


def whoami() -> None:
    """Who the audit trail takes you for, and your roles."""
    from tabi.registry.identity import whoami as identify

    found = identify(Workspace.find())
    typer.echo(f"{found.name} ({found.kind}): {', '.join(sorted(found.roles)) or 'no roles'}")
