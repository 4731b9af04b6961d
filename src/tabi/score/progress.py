"""Telling a person how far a run is: a bar on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Protocol, TextIO

LINE_EVERY_S = 10.0


class Progress(Protocol):
    """Is told of bytes of the input that are read, and of rows that are done."""

    def read(self, position: int) -> None:
        """So many bytes of all files lie behind."""

    def done(self, rows: int) -> None:
        """So many rows are done by now."""


class Quiet:
    """Tells nothing."""

    def read(self, position: int) -> None:
        """Nothing."""

    def done(self, rows: int) -> None:
        """Nothing."""


class Lines:
    """A line every few seconds."""

    def __init__(self, stream: TextIO, total: int) -> None:
        self._stream, self._total, self._position = stream, max(total, 1), 0
        self._begun = self._last = time.monotonic()

    def read(self, position: int) -> None:
        """Keep it for the next line."""
        self._position = position

    def done(self, rows: int) -> None:
        """Write a line if the last one is old."""
        now = time.monotonic()
        if now - self._last >= LINE_EVERY_S:
            self._last = now
            rate = rows / (now - self._begun)
            share = 100 * self._position // self._total
            with suppress(OSError, ValueError):  # nobody reads it any more, and the work goes on
                self._stream.write(f"{rows:,} rows scored, {share} % of the input read, {rate:,.0f} rows/s\n")
                self._stream.flush()


@contextmanager
def progress_on(stream: TextIO, total: int) -> Iterator[Progress]:
    """Progress over `total` bytes: a live bar if the stream is a terminal, else lines."""
    if not stream.isatty():
        yield Lines(stream, total)
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("scoring"), BarColumn(), TextColumn("{task.fields[rows]:,} rows"), TimeRemainingColumn())
    with Bar(*columns, console=Console(file=stream)) as bar:
        task = bar.add_task("", total=total, rows=0)

        class Live:
            def read(self, position: int) -> None:
                bar.update(task, completed=position)

            def done(self, rows: int) -> None:
                bar.update(task, rows=rows)

        yield Live()
