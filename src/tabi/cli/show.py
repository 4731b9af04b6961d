"""`tabi show`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from tabi.workspace import Workspace


def show(
    ref: Annotated[str, typer.Argument(help="NAME, NAME@ALIAS, NAME:VERSION, NAME:ID or the path of a bundle.")],
    lineage: Annotated[bool, typer.Option("--lineage", help="What it was made from, and what uses it.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The lineage for a program.")] = False,
) -> None:
    """What a version is; with --lineage, back to its source, code, configuration and environment."""
    from tabi.registry.show import lineage_lines, version_lines

    workspace = Workspace.find()
    if not (lineage or as_json):
        for line in version_lines(workspace, ref):
            typer.echo(line)
        return
    from tabi.registry.lineage import walk

    found = walk(workspace, ref)
    if as_json:
        typer.echo(json.dumps(asdict(found)))
        return
    for line in lineage_lines(found):
        typer.echo(line)
