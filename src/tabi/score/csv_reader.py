"""CSV -> blocks: comma-separated UTF-8 with a header line. Every column is text, to be judged by the contract's law."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from tabi.errors import DataError
from tabi.score.blocks import Block, Reason, Rejected
from tabi.score.files import Source
from tabi.score.opening import Opened, opened

if TYPE_CHECKING:
    import pyarrow as pa

# also the longest row: Arrow reads no row that spans more than two of these
CHUNK = 4 * 1024 * 1024
# lines that do not fit, one after the other, after which the file is no table of this header
MAX_BAD = 100_000
_HEADER_LIMIT = 1024 * 1024
_BOM = b"\xef\xbb\xbf"


def header_of(source: Source) -> list[str]:
    """The names in the header line. `DataError` says what is wrong with it."""
    with opened(source) as file:
        start = file.text.read(_HEADER_LIMIT)
    try:
        # a character may be cut off at the end of what was read, which is far behind the header
        text = start.removeprefix(_BOM).decode(errors="surrogateescape")
        names = next(csv.reader(io.StringIO(text, newline=""), strict=True), [])
        "".join(names).encode()
    except (csv.Error, UnicodeEncodeError) as error:
        raise DataError(f"{source.path} has no header line in UTF-8: save it as comma-separated UTF-8") from error
    if not any(names):
        raise DataError(f"{source.path} has no header line: name the columns in its first line")
    if len(names) == 1:
        for sign, word in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
            if sign in names[0]:
                raise DataError(f"{source.path} is separated by {word}: save it separated by commas")
    repeated = next((name for name, count in Counter(names).items() if count > 1), None)
    if repeated is not None:
        raise DataError(f"{source.path} has two columns named {repeated!r}: rename one")
    return names


def csv_blocks(source: Source, names: list[str], batch_rows: int) -> Iterator[Block]:
    """The rows of the file in blocks of at most `batch_rows`."""
    with opened(source) as file:
        yield from _Reader(source, names, file).blocks(batch_rows)


class _Reader:
    def __init__(self, source: Source, names: list[str], file: Opened) -> None:
        self._source, self._names, self._file = source, names, file
        self._text = _Counting(file.text)
        self._bad: list[int] = []  # places of the rows that have another number of values than the header
        self._told: list[Rejected] = []
        self._last = (-1, False)  # the place of the last row so far, and whether it holds a line's end

    def blocks(self, batch_rows: int) -> Iterator[Block]:
        import pyarrow as pa

        first = 0
        try:
            for batch in self._batches():
                rows = self._numbered(first, batch.num_rows)
                if not len(rows):
                    continue
                first = int(rows[-1]) + 1
                self._last = max(self._last, (first - 1, _last_spans_lines(batch)))
                for start in range(0, batch.num_rows, batch_rows):
                    end = start + batch_rows
                    yield self._block(rows[start:end], batch.slice(start, batch_rows))
        except pa.ArrowInvalid as error:
            if len(self._told) > MAX_BAD:
                what = f"more than {MAX_BAD:,} lines have another number of values than the header"
                raise DataError(f"{self._source.path}: {what}: mend the file") from error
            what = f"a row after row {first} is longer than {CHUNK >> 20} MiB, or a quote in it is never closed"
            raise DataError(f"{self._source.path}: {what}: mend the file") from error
        if self._text.quotes % 2 and self._last[1]:
            raise DataError(f"{self._source.path}: a quote in its last row is never closed: mend the file")
        if self._told:
            yield self._block(np.empty(0, np.int64), None)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa
        from pyarrow import csv as arrow_csv

        reader = arrow_csv.open_csv(
            pa.PythonFile(self._text, mode="r"),
            arrow_csv.ReadOptions(use_threads=False, block_size=CHUNK),
            arrow_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=self._reject),
            # bytes: one value that is no UTF-8 must not cost the others
            arrow_csv.ConvertOptions(
                check_utf8=False, column_types=dict.fromkeys(self._names, pa.binary()), strings_can_be_null=False
            ),
        )
        yield from reader

    def _reject(self, row: Any) -> str:
        place = row.number - 2  # counted from 1, the header being the first
        self._bad.append(place)
        self._told.append(Rejected(self._source.name, place, [Reason("", "wrong_number_of_values")]))
        self._last = (place, "\n" in row.text)
        return "skip" if len(self._told) <= MAX_BAD else "error"

    def _numbered(self, first: int, count: int) -> np.ndarray[Any, np.dtype[np.int64]]:
        """The places of the next `count` good rows, from `first`, with the bad ones left out."""
        bad = [place for place in self._bad if place >= first]
        places = np.setdiff1d(np.arange(first, first + count + len(bad), dtype=np.int64), np.array(bad, np.int64))
        self._bad = bad
        return places[:count]

    def _block(self, rows: np.ndarray[Any, np.dtype[np.int64]], batch: pa.RecordBatch | None) -> Block:
        """A block of these rows, with the bad rows before its last one; without rows, with all that are left."""
        table, good, rejected = None, rows, self._told
        if batch is not None:
            rejected = [row for row in self._told if row.row < rows[-1]]
            self._told = self._told[len(rejected) :]
            table, broken = _as_text(batch)
            if broken:
                good = np.delete(rows, list(broken))
                rejected += [
                    Rejected(self._source.name, int(rows[place]), [Reason(name, "not_utf8") for name in columns])
                    for place, columns in sorted(broken.items())
                ]
        rejected.sort(key=lambda row: row.row)
        return Block(self._source.name, good, table, [], rejected, self._file.raw.tell())


class _Counting(io.RawIOBase):
    """Counts the quotes that pass."""

    def __init__(self, text: BinaryIO) -> None:
        self._text = text
        self.quotes = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._text.read(size)
        self.quotes += data.count(b'"')
        return data


def _as_text(batch: pa.RecordBatch) -> tuple[pa.RecordBatch, dict[int, list[str]]]:
    """The batch as texts without the rows that are no UTF-8, and those rows' columns by place."""
    import pyarrow as pa

    schema = pa.schema([(name, pa.string()) for name in batch.schema.names])
    try:
        return batch.cast(schema), {}
    except pa.ArrowInvalid:
        broken: dict[int, list[str]] = {}
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            for place, value in enumerate(column.to_pylist()):
                if not _is_utf8(value):
                    broken.setdefault(place, []).append(name)
        mask = np.ones(batch.num_rows, bool)
        mask[list(broken)] = False
        return batch.filter(pa.array(mask)).cast(schema), broken


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _last_spans_lines(batch: pa.RecordBatch) -> bool:
    return any(b"\n" in column[-1].as_py() for column in batch.columns)
