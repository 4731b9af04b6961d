"""NDJSON -> blocks: a JSON object a line. A block carries the lines; the scorers take the time to read them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO

import msgspec
import numpy as np

from tabi.errors import DataError, RequestError
from tabi.score.blocks import Block, Reason, Rejected
from tabi.score.files import Source
from tabi.score.opening import opened
from tabi.serving.explain import explain_row, repeats_a_name
from tabi.serving.messages import Row

MAX_LINE = 4 * 1024 * 1024
_LOOK_AT = 1000
_BOM = b"\xef\xbb\xbf"
_decode = msgspec.json.Decoder(Row).decode


def read_line(line: bytes) -> Row:
    """The row of one line, as the server reads it. `RequestError` names the places that are wrong."""
    try:
        row = _decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise explain_row(line, error) from error
    # a colon follows each name: where there are no more colons than names, none was overwritten
    if line.count(b":") != len(row) and repeats_a_name(line):
        raise explain_row(line)
    return row


def first_names_of(source: Source) -> list[str]:
    """The names in the first line that is a row. `DataError` if none of the first thousand is one."""
    with opened(source) as file:
        for line, whole in islice(_lines(file.text), _LOOK_AT):
            try:
                if whole:
                    return list(read_line(line))
            except RequestError:
                continue
    raise DataError(f"{source.path} has no row among its first lines: write one JSON object a line")


def ndjson_blocks(source: Source, batch_rows: int) -> Iterator[Block]:
    """The rows of the file in blocks of at most `batch_rows`."""
    with opened(source) as file:
        lines = enumerate(_lines(file.text))
        while taken := list(islice(lines, batch_rows)):
            good = [(row, line) for row, (line, whole) in taken if whole]
            rejected = [Rejected(source.name, row, [Reason("", "too_long")]) for row, (_, whole) in taken if not whole]
            rows = np.array([row for row, _ in good], np.int64)
            yield Block(source.name, rows, None, [line for _, line in good], rejected, file.raw.tell())


def _lines(text: BinaryIO) -> Iterator[tuple[bytes, bool]]:
    """The lines that hold anything, and whether each is whole: of one that is too long only the beginning is kept."""
    first = True
    while line := text.readline(MAX_LINE):
        whole = len(line) < MAX_LINE or line.endswith(b"\n")
        if not whole:
            while (more := text.readline(MAX_LINE)) and not more.endswith(b"\n"):
                pass
        if first:
            line, first = line.removeprefix(_BOM), False
        if line.strip():
            yield line if whole else b"", whole
