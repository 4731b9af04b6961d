"""Telling a person how a training goes: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Protocol, Self, TextIO, cast

LINE_EVERY_S = 5.0


class Stream(Protocol):
    """What a reporter needs of a file or a terminal."""

    def write(self, text: str, /) -> int:
        """Write text."""

    def flush(self) -> None:
        """Hand it on."""

    def isatty(self) -> bool:
        """Whether a person sees it."""


class Reporter(Protocol):
    """What a training tells while it runs."""

    def stage(self, text: str) -> None:
        """A new part of the work begins."""

    def step(self, done: int, total: int, best: float) -> None:
        """`done` of `total` fits are done; `best` mean score so far, NaN before the first."""


class Quiet:
    """Tells nothing."""

    def stage(self, text: str) -> None:
        """Nothing."""

    def step(self, done: int, total: int, best: float) -> None:
        """Nothing."""


class Both:
    """Tells two reporters."""

    def __init__(self, first: Reporter, second: Reporter) -> None:
        self._reporters = (first, second)

    def stage(self, text: str) -> None:
        """Tell both."""
        for reporter in self._reporters:
            reporter.stage(text)

    def step(self, done: int, total: int, best: float) -> None:
        """Tell both."""
        for reporter in self._reporters:
            reporter.step(done, total, best)


class Terminal:
    """A stream that may go away: once it has, what is written to it is dropped and the work goes on."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write if anybody is there."""
        with suppress(OSError, ValueError):  # ValueError: the stream is closed
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush if anybody is there."""
        with suppress(OSError, ValueError):
            self._stream.flush()

    def isatty(self) -> bool:
        """Whether a person sees it."""
        with suppress(OSError, ValueError):
            return self._stream.isatty()
        return False


class PlainReporter:
    """Lines on a stream: one a stage, and one every few seconds while candidates are scored."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._last = time.monotonic()

    def stage(self, text: str) -> None:
        """Write the line."""
        self._write(text)

    def step(self, done: int, total: int, best: float) -> None:
        """Write a line at the end, or if the last one is some seconds old."""
        if done == total or time.monotonic() - self._last >= LINE_EVERY_S:
            self._write(f"  {done}/{total} fits{_best(best)}")

    def _write(self, line: str) -> None:
        self._stream.write(line + "\n")
        self._stream.flush()
        self._last = time.monotonic()


class LiveReporter:
    """A rich bar on a terminal. Use it as a context manager, so that the cursor comes back whatever happens."""

    def __init__(self, stream: Stream) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=10),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
            console=Console(file=cast(TextIO, stream)),
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None:
            self._finish()
        self._bar.stop()

    def stage(self, text: str) -> None:
        """Finish the bar of the last stage, and begin one of unknown length."""
        self._finish()
        self._task = self._bar.add_task(text, total=None, note="")

    def step(self, done: int, total: int, best: float) -> None:
        """Move the bar."""
        if self._task is not None:
            score = "" if math.isnan(best) else f" best {best:.4f}"
            self._bar.update(self._task, completed=done, total=total, note=f"{done}/{total}{score}")

    def _finish(self) -> None:
        if self._task is not None:
            self._bar.update(self._task, completed=1, total=1)


@contextmanager
def reporting(stream: Stream) -> Iterator[Reporter]:
    """A reporter on the stream: a live bar if it is a terminal, else plain lines."""
    if not stream.isatty():
        yield PlainReporter(stream)
        return
    with LiveReporter(stream) as live:
        yield live


def _best(best: float) -> str:
    return "" if math.isnan(best) else f", best score so far {best:.4f}"
