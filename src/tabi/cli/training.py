"""`tabi train`, `tabi check` and `tabi report`."""

from __future__ import annotations

from typing import Annotated

import typer

from tabi.errors import ConfigError
from tabi.workspace import Workspace

TWELVE_HOURS = 12 * 3600


def train(
    words: Annotated[list[str], typer.Argument(help="Projects, and key=value over their config.yaml.")],
    mode: Annotated[str | None, typer.Option(help="fast or full: how long the search may take.")] = None,
    time_limit: Annotated[int, typer.Option(help="Seconds that one data set may take in a batch.")] = TWELVE_HOURS,
) -> None:
    """Train and track a run of each project; several run as a batch, one after the other."""
    from tabi.training.batch import Limits, run_batch

    names = [word for word in words if "=" not in word]
    overrides = [word for word in words if "=" in word]
    if not names:
        raise ConfigError("name at least one project, as in `tabi train adult`")
    if mode is not None:
        overrides.append(f"search.mode={mode}")
    raise typer.Exit(run_batch(Workspace.find(), names, overrides, Limits(time_s=time_limit)))


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
