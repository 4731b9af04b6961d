"""`tabi store`."""

from __future__ import annotations

import typer

from tabi.workspace import Workspace

app = typer.Typer(help="The store of bundles.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """The store of bundles."""


@app.command("verify")
def verify() -> None:
    """Check every pointer and digest; exit 1 if anything that is referred to is not whole."""
    from tabi.store import Store

    store = Store(Workspace.find().store)
    findings = store.verify()
    for finding in findings:
        typer.echo(f"{finding.severity:<9} {finding.path}: {finding.problem}")
    errors = sum(finding.severity == "error" for finding in findings)
    count = sum(len(store.snapshots(name)) for name in store.names())
    typer.echo(f"{count} bundles, {errors} errors, {len(findings) - errors} leftovers")
    raise typer.Exit(1 if errors else 0)
