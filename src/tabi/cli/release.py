"""`tabi release` and `tabi reproduce`."""

from __future__ import annotations

from typing import Annotated

import typer

from tabi.workspace import Workspace


def release(
    name: Annotated[str, typer.Argument(help="The project.")],
    run: Annotated[str | None, typer.Option(help="Release this run instead of the last one.")] = None,
    override: Annotated[
        list[str] | None, typer.Option(help="Let this gate through though it fails; takes the approver's role.")
    ] = None,
    reason: Annotated[
        list[str] | None, typer.Option(help="Why: one for every --override, or one for all of them.")
    ] = None,
) -> None:
    """Compile, prove, gate and bundle a run; the last line is the bundle id."""
    from tabi.registry.override import reasons_of
    from tabi.registry.release import release as release_run

    overrides = reasons_of(override or [], reason or [])
    released = release_run(Workspace.find(), name, run, say=typer.echo, overrides=overrides)
    typer.echo(f"folder   {released.folder}")
    typer.echo(released.bundle)


def reproduce(
    ref: Annotated[str, typer.Argument(help="NAME, NAME@ALIAS, NAME:VERSION, NAME:ID or the path of a bundle.")],
) -> None:
    """Rebuild a bundle's model from its run and compare; exit 0 if it is the same, 1 with what differs."""
    from tabi.registry.reproduce import lines_of
    from tabi.registry.reproduce import reproduce as reproduce_bundle

    found = reproduce_bundle(Workspace.find(), ref)
    for line in lines_of(found):
        typer.echo(line)
    raise typer.Exit(0 if found.equal else 1)
