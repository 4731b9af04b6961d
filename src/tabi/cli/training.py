"""`tabi train`, `tabi check`, `tabi report`, `tabi compare` and `tabi tracking`."""

from __future__ import annotations

from typing import Annotated

import typer

from tabi.errors import ConfigError
from tabi.workspace import Workspace

TWELVE_HOURS = 12 * 3600


def train(
    words: Annotated[list[str], typer.Argument(help="Projects, and key=value over their config.yaml.")],
    mode: Annotated[str | None, typer.Option(help="fast or full: how long the search may take.")] = None,
    multirun: Annotated[
        bool, typer.Option("--multirun", "-m", help="Train every combination of values, as in preset=logistic,forest.")
    ] = False,
    time_limit: Annotated[int, typer.Option(help="Seconds that one data set may take in a batch.")] = TWELVE_HOURS,
) -> None:
    """Train and track a run of each project; several run as a batch, one after the other."""
    from tabi.registry.identity import whoami
    from tabi.training.batch import Limits, run_batch

    names = [word for word in words if "=" not in word]
    overrides = [word for word in words if "=" in word]
    if not names:
        raise ConfigError("name at least one project, as in `tabi train adult`")
    if mode is not None:
        overrides.append(f"search.mode={mode}")
    workspace, limits = Workspace.find(), Limits(time_s=time_limit)
    trained_by = whoami(workspace).name
    raise typer.Exit(run_batch(workspace, names, overrides, limits, sweep=multirun, trained_by=trained_by))


def check() -> None:
    """Say how the last batch stands; exit 0 all OK, 1 some failed, 2 running or not started."""
    from tabi.training.report import batch_state

    state = batch_state(Workspace.find())
    for name, standing in state.items:
        typer.echo(f"{name}: {standing}")
    if not state.items:
        typer.echo("no batch was started here: run `tabi train NAME`")
    raise typer.Exit(state.exit_code)


def report() -> None:
    """Print all results as a Markdown table."""
    from tabi.training.report import report_table

    typer.echo(report_table(Workspace.find()))


def compare(
    one: Annotated[str, typer.Argument(help="A run's id, the beginning of it, or a project for its latest run.")],
    other: Annotated[str, typer.Argument(help="The run to compare it with.")],
) -> None:
    """Two runs side by side, differences first; the last line is JSON."""
    from tabi.training.compare import compare_runs, table_of

    for line in table_of(compare_runs(Workspace.find(), one, other)):
        typer.echo(line)


def tracking(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65535)] = 5000,
) -> None:
    """Open MLflow's own pages over all runs, until Ctrl-C."""
    from tabi.training.ui import serve_ui

    raise typer.Exit(serve_ui(Workspace.find(), host, port, typer.echo))
