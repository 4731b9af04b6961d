"""`tabi data`."""

from __future__ import annotations

from typing import Annotated

import typer

from tabi.workspace import Workspace

app = typer.Typer(help="Snapshots of a project's rows.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Snapshots of a project's rows."""


@app.command("fetch")
def fetch(
    name: Annotated[str, typer.Argument(help="The project.")],
    overrides: Annotated[list[str] | None, typer.Argument(help="key=value over config.yaml.")] = None,
) -> None:
    """Snapshot the project's source; print rows, digest and where rows break the contract."""
    from tabi.data import fetch as fetch_data
    from tabi.project import load_config

    workspace = Workspace.find()
    config = load_config(workspace, name, overrides or [])
    fetched = fetch_data(workspace, config)
    contract = fetched.contract
    typer.echo(f"source    {fetched.snapshot.source}")
    typer.echo(f"rows      {fetched.snapshot.rows:,}")
    typer.echo(
        f"columns   {len(contract.columns)} ({len(contract.numeric)} numeric, {len(contract.categorical)} categorical, "
        f"{len(contract.text)} text)"
    )
    typer.echo(f"target    {contract.target.name}: {' or '.join(contract.target.classes) or 'a quantity'}")
    typer.echo(f"digest    {fetched.snapshot.digest}")
    typer.echo(f"file      {fetched.snapshot.path}")
    if fetched.tracked:
        typer.echo(f"tracked   {fetched.tracked.file}{'' if fetched.tracked.cached else ' (run dvc commit on it)'}")
    for finding in fetched.findings:
        typer.echo(f"found     {finding.text}")
    if not fetched.violations:
        typer.echo("contract  no row breaks it")
    for v in fetched.violations:
        rows = ", ".join(str(row) for row in v.examples)
        typer.echo(f"contract  {v.column}: {v.rule} in {v.count:,} rows (such as row {rows})")
