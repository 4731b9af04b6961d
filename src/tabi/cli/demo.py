"""`tabi demo`."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tabi.workspace import Workspace, without_secrets

if TYPE_CHECKING:
    from tabi.demo import DemoResult


def demo() -> None:
    """Walk the main road on the embedded defaults: fetch, train, release, serve, predict, stop."""
    from tabi.demo import run_demo

    workspace = Workspace.find()
    _print_summary(workspace, run_demo(workspace, typer.echo))


def _print_summary(workspace: Workspace, done: DemoResult) -> None:
    from rich.console import Console
    from rich.panel import Panel
    from rich.table import Table

    parity, latency, bundle = done.released.parity, done.latency, done.released.bundle
    answer, tabi = done.example, _own_name()
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    rows = [
        ("trained", f"{done.config.name}, preset {done.config.preset}, on {done.rows:,} rows of {done.config.source}"),
        (
            "quality",
            f"AUC {done.trained.metrics['auc']:.4f}   ACC {done.trained.metrics['acc']:.4f}   on rows it never saw",
        ),
        ("proof", f"{parity.rows:,} rows, largest difference {parity.max_abs_diff:.1e} (allowed {parity.bound:.0e})"),
        ("bundle", bundle),
        (
            "latency",
            f"{latency.requests} requests, one at a time: p50 {latency.p50_ms:.2f} ms, p95 {latency.p95_ms:.2f} ms",
        ),
        ("example", f"{answer['label']}, probability {answer['probability']:.4f}, threshold {answer['threshold']:.4f}"),
        ("", ""),
        ("bundle in", _short(done.released.folder)),
        ("results in", _short(workspace.artifacts)),
        ("tracked in", without_secrets(workspace.tracking_uri)),
        ("", ""),
        ("try next", f"{tabi} serve {done.config.name}"),
        ("", "and open http://127.0.0.1:8000/docs"),
        ("", f"{tabi} train adult --mode full"),
        ("", f"{tabi} report"),
    ]
    for row in rows:
        table.add_row(*row)
    console = Console(highlight=False)
    console.print()
    console.print(Panel(table, title=f"done in {done.elapsed_s:.0f} s, no process left", expand=False))


def _short(path: Path) -> str:
    """The path as one would type it here."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _own_name() -> str:
    """How to call this program here: by its name where the shell finds it, else by its path."""
    return "tabi" if shutil.which("tabi") else _short(Path(sys.executable).parent / "tabi")
