"""The app, and what becomes of an error: one line and an exit code, never a traceback."""

from __future__ import annotations

import os
import sys

import typer

from tabi.cli import (
    audit,
    bench,
    card,
    cost,
    data,
    demo,
    deploy,
    dod,
    environment,
    experiment,
    export,
    keys,
    monitor,
    registry,
    release,
    score,
    serving,
    show,
    store,
    training,
)
from tabi.errors import TabiError, outcome_of

app = typer.Typer(
    name="tabi",
    help="From a table to a model in production that you can prove is done.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(demo.demo)
app.command()(environment.envinfo)
app.add_typer(data.app, name="data")
app.command()(training.train)
app.command()(training.check)
app.command()(training.report)
app.command()(training.compare)
app.command()(training.tracking)
app.command()(release.release)
app.command()(release.reproduce)
app.command()(show.show)
app.command()(card.card)
app.command()(registry.models)
app.command()(registry.approve)
app.command()(registry.reject)
app.command()(registry.promote)
app.command()(registry.rollback)
app.command()(deploy.deploy)
app.command()(deploy.deployments)
app.command()(serving.serve)
app.command()(serving.predict)
app.command()(score.score)
app.command()(monitor.monitor)
app.add_typer(export.app, name="export")
app.command()(bench.bench)
app.command()(cost.cost)
app.add_typer(experiment.app, name="experiment")
app.add_typer(store.app, name="store")
app.add_typer(keys.app, name="keys")
app.command()(keys.sign)
app.add_typer(audit.app, name="audit")
app.command()(audit.whoami)
app.command()(dod.dod)


def main() -> None:
    """Entry point of `tabi`."""
    try:
        app()
    except TabiError as error:
        _fail(str(error), outcome_of(error).exit_code)
    except KeyboardInterrupt:
        _fail("interrupted", 130)
    except BrokenPipeError:
        # the reader of our output has gone, as with `tabi report | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except ModuleNotFoundError as error:
        # the smallest set serves; a command that needs more says which
        _fail(f"this command needs {error.name}, which is not installed: make init EXTRAS=[train], or tabi[all]", 2)
    except Exception as error:
        if os.environ.get("TABI_DEBUG"):
            raise
        _fail(f"unexpected {type(error).__name__}: run again with TABI_DEBUG=1 and report what it shows", 1)


def _fail(message: str, code: int) -> None:
    typer.echo(f"tabi: {' '.join(message.split())}", err=True)
    sys.exit(code)
