"""`tabi export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tabi.workspace import Workspace

app = typer.Typer(help="A bundle for programs and pages that have no Tabi.", no_args_is_help=True)

REF = Annotated[str, typer.Argument(help="NAME, NAME@ALIAS, NAME:VERSION, NAME:ID or the path of a bundle.")]


@app.command()
def onnx(
    ref: REF,
    folder: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="Where to write; default: NAME-ID-onnx here.")
    ] = None,
) -> None:
    """Write the bare graph, its schema, and a note for Python, C++, Java and small devices."""
    from tabi.export import export_graph
    from tabi.store import Store

    typer.echo(str(export_graph(Store(Workspace.find().models).resolve(ref), folder)))


@app.command()
def web(
    ref: REF,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write; new, empty or an earlier export.")],
    runtime: Annotated[
        Path | None, typer.Option(help="A folder or package file of onnxruntime-web, in place of npm.")
    ] = None,
) -> None:
    """Write a page that predicts in the browser: no server, no network."""
    from tabi.export import export_page, find_runtime
    from tabi.store import Store

    bundle = Store(Workspace.find().models).resolve(ref)
    typer.echo(str(export_page(bundle, folder, find_runtime(runtime))))
