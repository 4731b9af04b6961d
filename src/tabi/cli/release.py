"""`tabi release`."""

from __future__ import annotations

from typing import Annotated

import typer

from tabi.workspace import Workspace


def release(
    name: Annotated[str, typer.Argument(help="The project.")],
    run: Annotated[str | None, typer.Option(help="Release this run instead of the last one.")] = None,
) -> None:
    """Compile, prove, gate and bundle a run; the last line is the bundle id."""
    from tabi.registry import release as release_run

    released = release_run(Workspace.find(), name, run, say=typer.echo)
    typer.echo(f"folder   {released.folder}")
    typer.echo(released.bundle)
