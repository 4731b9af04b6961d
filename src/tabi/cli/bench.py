"""`tabi bench`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tabi.cli.output import write_line
from tabi.workspace import Workspace

# different bodies, so that no cache of one row makes a server look fast
ROWS = 2000


def bench(
    ref: Annotated[str, typer.Argument(help="NAME, NAME@ALIAS, NAME:VERSION, NAME:ID or the path of a bundle.")],
    connections: Annotated[int, typer.Option("--connections", "-c", help="Connections beside one alone.", min=1)] = 32,
    seconds: Annotated[float, typer.Option(help="Length of each measurement.", min=0.1)] = 4.0,
    rounds: Annotated[int, typer.Option(help="How often server and floor take turns.", min=1)] = 3,
    rows: Annotated[Path | None, typer.Option(help="A file with one JSON row a line, in place of drawn rows.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document in place of the table.")] = False,
) -> None:
    """Measure `tabi serve REF` against the bare web server's floor, in one run."""
    import msgspec

    from tabi.bench.compare import Settings
    from tabi.bench.report import bench as run_bench
    from tabi.bench.report import last_line, leave_evidence, table
    from tabi.bench.rows import draw_rows, read_rows
    from tabi.bundle import Bundle
    from tabi.store import Store

    workspace = Workspace.find()
    bundle = Bundle.open(Store(workspace.models).resolve(ref))
    sent = read_rows(rows) if rows else draw_rows(bundle.contract(), ROWS)
    settings = Settings(rounds=rounds, seconds=seconds, warm_up=min(1.0, seconds))
    report = run_bench(ref, sent, connections, settings, lambda line: typer.echo(line, err=True))
    leave_evidence(workspace, bundle, report)
    if json:
        write_line(msgspec.json.encode(report))
        return
    for line in [*table(report), last_line(report)]:
        typer.echo(line)
