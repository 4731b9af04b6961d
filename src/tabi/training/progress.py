"""Telling a person how a training goes: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
import sys
import time
from types import TracebackType
from typing import Protocol, Self, TextIO

LINE_EVERY_S = 5.0


class Reporter(Protocol):
    """What a training tells while it runs."""

    def stage(self, text: str) -> None:
        """A new part of the work begins."""

    def step(self, done: int, total: int, best: float) -> None:
        """`done` of `total` candidates x folds are scored; `best` mean score so far, NaN before the first."""


class Quiet:
    """Tells nothing."""

    def stage(self, text: str) -> None:
        """Nothing."""

    def step(self, done: int, total: int, best: float) -> None:
        """Nothing."""


class PlainReporter:
    """Lines on a stream: one a stage, and one every few seconds while candidates are scored."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._last = time.monotonic()

    def stage(self, text: str) -> None:
        """Write the line."""
        self._write(text)

    def step(self, done: int, total: int, best: float) -> None:
        """Write a line at the end, or if the last one is some seconds old."""
        if done == total or time.monotonic() - self._last >= LINE_EVERY_S:
            self._write(f"  {done}/{total} candidates x folds{_best(best)}")

    def _write(self, line: str) -> None:
        self._stream.write(line + "\n")
        self._stream.flush()
        self._last = time.monotonic()


class LiveReporter:
    """A rich bar on a terminal. Use it as a context manager, so that the cursor comes back whatever happens."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[best]}"),
            TimeElapsedColumn(),
        )
        self._task = self._bar.add_task("", total=None, best="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bar.stop()

    def stage(self, text: str) -> None:
        """Show the text before a bar of unknown length."""
        self._bar.update(self._task, description=text, total=None, completed=0, best="")

    def step(self, done: int, total: int, best: float) -> None:
        """Move the bar."""
        self._bar.update(self._task, completed=done, total=total, best=_best(best))


def reporter_for(stream: TextIO = sys.stdout) -> LiveReporter | PlainReporter:
    """A live bar if the stream is a terminal, else plain lines."""
    return LiveReporter() if stream.isatty() else PlainReporter(stream)


def _best(best: float) -> str:
    return "" if math.isnan(best) else f", best AUC so far {best:.4f}"
