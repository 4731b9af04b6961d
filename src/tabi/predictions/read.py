"""The reader's side of the prediction log: every whole line, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from tabi.errors import StoreError
from tabi.predictions.log import SUFFIX
from tabi.predictions.record import Line

# longer than any body that a server takes; what has no end is not read into memory
LINE_LIMIT = 128 * 1024 * 1024

_decode = msgspec.json.Decoder(Line).decode
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def segments_of(folder: Path) -> list[Path]:
    """The segments of a folder in the order in which they were begun."""
    return sorted(folder.glob(f"*{SUFFIX}"))


class LogReader:
    """The lines of a folder, segment by segment in the order in which they were begun.

    `skipped`: lines so far that were no record, such as the piece that a kill or a full disk left. A blank line is
    nothing. The folder may be written to and segments may be removed while it is read.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.skipped = 0

    def __iter__(self) -> Iterator[Line]:
        """`StoreError` if a segment cannot be read."""
        for path in segments_of(self._folder):
            try:
                with path.open("rb") as segment:
                    yield from self._lines(segment)
            except FileNotFoundError:
                # it went by its age between the listing and now
                continue
            except OSError as error:
                raise StoreError(f"{path} cannot be read ({error.strerror}): make it readable") from error

    def _lines(self, segment: BinaryIO) -> Iterator[Line]:
        while text := segment.readline(LINE_LIMIT):
            if len(text) == LINE_LIMIT and not text.endswith(b"\n"):
                self.skipped += 1
                _pass_over(segment)
                continue
            if text.isspace():
                continue
            try:
                line = _decode(text)
            except _UNREADABLE:
                self.skipped += 1
                continue
            yield line


def _pass_over(segment: BinaryIO) -> None:
    """Go to the end of a line that is too long."""
    while (piece := segment.readline(LINE_LIMIT)) and not piece.endswith(b"\n"):
        pass
