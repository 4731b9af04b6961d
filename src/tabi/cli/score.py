"""`tabi score`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from tabi.cli.output import warn_of
from tabi.workspace import Workspace

# the output is there, and some rows are not in it
SOME_REJECTED = 3


def score(
    ref: Annotated[str, typer.Argument(help="NAME, NAME@ALIAS, NAME:VERSION, NAME:ID or the path of a bundle.")],
    source: Annotated[
        Path, typer.Argument(metavar="INPUT", help="A Parquet, CSV or NDJSON file, or a folder of them.")
    ],
    output: Annotated[Path, typer.Argument(help="The Parquet file to write.")],
    key: Annotated[
        list[str] | None, typer.Option(help="A column to keep; repeatable. Default: all that the model does not know.")
    ] = None,
    jobs: Annotated[int, typer.Option(help="Processes; 0 is one for each core.", min=0, max=256)] = 0,
    batch_rows: Annotated[int, typer.Option(help="Rows that are scored at a time.", min=1, max=1_000_000)] = 16_384,
) -> None:
    """Score a file or a folder of rows into a Parquet file; a call after a kill goes on where it was."""
    from tabi.bundle import Trust
    from tabi.score import Options, score_files
    from tabi.score.files import sources_of
    from tabi.score.progress import progress_on
    from tabi.store import Store

    bundle = Store(Workspace.find().models).resolve(ref)
    total = sum(file.size for file in sources_of(source).files)
    options = Options(tuple(key or ()), jobs, batch_rows, Trust.from_environment())
    with progress_on(sys.stderr, total) as progress:
        done = score_files(bundle, source, output, options, progress)
    warn_of(done.distrust)
    counts = done.counts
    if done.resumed:
        typer.echo(f"{done.resumed:,} rows were there from the run before")
    if done.rejected:
        typer.echo(f"rejected rows are told in {done.rejected}")
    rate = (counts.rows + counts.rejected - done.resumed) / done.seconds
    typer.echo(
        f"{counts.rows:,} rows scored, {counts.rejected:,} rejected, {counts.warnings:,} warnings, {rate:,.0f} rows/s"
    )
    raise typer.Exit(SOME_REJECTED if counts.rejected else 0)
