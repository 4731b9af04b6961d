"""The reader's side of the prediction log: every whole line, in bounded memory."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import msgspec

from tabi.errors import StoreError
from tabi.predictions.log import SUFFIX
from tabi.predictions.record import Line

GZIP = f"{SUFFIX}.gz"
# longer than any body that a server takes; what has no end is not read into memory
LINE_LIMIT = 128 * 1024 * 1024

_decode = msgspec.json.Decoder(Line).decode
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def segments_of(folder: Path) -> list[Path]:
    """The segments of a folder in the order in which they were begun, compressed ones too.

    Where a segment is there in both forms, only the plain one is meant.
    """
    plain = set(folder.glob(f"*{SUFFIX}"))
    packed = {path for path in folder.glob(f"*{GZIP}") if path.with_suffix("") not in plain}
    return sorted(plain | packed)


def open_segment(path: Path) -> BinaryIO:
    """A segment's lines, whatever its form is by now; `FileNotFoundError` if it is gone."""
    if path.suffix == SUFFIX:
        try:
            return path.open("rb")
        except FileNotFoundError:
            # it was compressed since it was listed
            path = path.with_name(f"{path.name}.gz")
    return cast(BinaryIO, gzip.open(path, "rb"))


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
                with open_segment(path) as segment:
                    yield from self._lines(segment)
            except FileNotFoundError:
                # it went by its age between the listing and now
                continue
            except (OSError, EOFError, zlib.error) as error:
                reason = getattr(error, "strerror", None) or "it is no whole gzip"
                raise StoreError(f"{path} cannot be read ({reason}): make it readable, or remove it") from error

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
