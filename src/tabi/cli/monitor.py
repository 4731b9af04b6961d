"""`tabi monitor`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tabi.cli.output import write_line
from tabi.workspace import Workspace


def monitor(
    name: Annotated[str, typer.Argument(help="Name of a model.")],
    since: Annotated[str, typer.Option(help="How far back to look, such as 7d or 36h.")] = "7d",
    window: Annotated[str | None, typer.Option(help="Show pieces of this length apart, such as 1h or 1d.")] = None,
    by: Annotated[str | None, typer.Option(help="Show the values of this column apart.")] = None,
    metrics: Annotated[
        Path | None, typer.Option(help="Also write the figures for the textfile collector of node_exporter: FILE.prom.")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Also write one page to look at: FILE.html.")] = None,
    evidently: Annotated[
        Path | None, typer.Option(help="Also write the report of Evidently over a sample of the rows: FILE.html.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document in place of the tables.")] = False,
) -> None:
    """Watch a model in use; exit code 1 where a bound of the project is broken."""
    import msgspec

    from tabi.monitoring.question import Asked
    from tabi.monitoring.report import lines_of
    from tabi.monitoring.report import monitor as look
    from tabi.monitoring.spans import span_of

    asked = Asked(name, span_of(since, "--since"), span_of(window, "--window") if window else None, by)
    workspace = Workspace.find()
    report = look(workspace, asked)
    if metrics is not None:
        from tabi.monitoring.textfile import write_metrics

        write_metrics(report, metrics)
    if html is not None:
        from tabi.monitoring.page import write_page

        write_page(workspace, report, html)
    if evidently is not None:
        from tabi.monitoring.evidently_report import write_evidently

        write_evidently(workspace, asked, evidently)
    if json:
        write_line(msgspec.json.encode(report))
    else:
        for line in lines_of(report):
            typer.echo(line)
    if report.verdict == "fail":
        raise typer.Exit(1)
