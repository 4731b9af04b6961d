"""Parquet, from a body or a file -> record batches of bounded size."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from tabi.errors import DataError, RequestError, TabiError
from tabi.tables.columns import holds_scalars
from tabi.tables.ipc import MAX_DECODED, MAX_ROWS
from tabi.tables.pages import Fetch, Footer, footer_of, pages_of

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow import parquet as pq

BATCH_ROWS = 16_384
WIDEST_DECIMAL = 32
_BUFFER = 256 * 1024


def batches_of_parquet(
    body: bytes, columns: Collection[str], max_rows: int = MAX_ROWS, batch_rows: int = BATCH_ROWS
) -> Iterator[pa.RecordBatch]:
    """The batches of a body. Of the columns that are not among `columns` only the name is kept: they hold nulls.

    `RequestError` (rule `not_parquet`, `wrong_shape`, `too_many_rows`, or `not_a_scalar` and `repeated_name` with a
    column) when the first wrong place is reached.
    """

    def refuse(what: str, path: str, rule: str) -> TabiError:
        return RequestError(what, ((path, rule),))

    with io.BytesIO(body) as source:
        yield from _Reader(source, columns, refuse, max_rows).batches(batch_rows)


def batches_of_parquet_file(
    path: Path, columns: Collection[str] | None = None, batch_rows: int = BATCH_ROWS
) -> Iterator[pa.RecordBatch]:
    """The batches of a file with all columns, or with `columns` as for a body. `DataError` says what is wrong."""

    def refuse(what: str, *_: str) -> TabiError:
        return DataError(f"{path}: {what}")

    try:
        with path.open("rb") as source:
            yield from _Reader(source, columns, refuse, None).batches(batch_rows)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or type(error).__name__}") from error


class _Reader:
    """One Parquet source. Texts are read as dictionaries, so that one long text in every row is held once."""

    def __init__(
        self,
        source: BinaryIO,
        columns: Collection[str] | None,
        refuse: Callable[[str, str, str], TabiError],
        max_rows: int | None,
    ) -> None:
        self._source, self._columns, self._refuse, self._max_rows = source, columns, refuse, max_rows

    def batches(self, batch_rows: int) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        try:
            yield from self._batches(batch_rows)
        except (pa.ArrowException, ValueError, OSError, EOFError, OverflowError, KeyError) as error:
            # Arrow's own words may hold a value
            raise self._refuse("it is not a whole Parquet file", "$", "not_parquet") from error

    def _batches(self, batch_rows: int) -> Iterator[pa.RecordBatch]:
        from pyarrow import parquet as pq

        fetch = partial(_fetch, self._source)
        size = self._source.seek(0, io.SEEK_END)
        footer = footer_of(fetch, size)
        self._check_rows(footer)
        metadata = pq.read_metadata(self._source)
        leaves = _Leaves(metadata, footer)
        wanted = self._wanted(leaves.schema.names)
        if self._max_rows is not None:
            self._check_columns(leaves, wanted)
        self._check_pages(footer, fetch, set(wanted))
        texts = [name for name in wanted if leaves.can_be_dictionary(name)]
        # buffered, or a column of a row group would be held whole
        file = pq.ParquetFile(
            self._source, metadata=metadata, read_dictionary=texts, pre_buffer=False, buffer_size=_BUFFER
        )
        for group, chunks in enumerate(footer.groups):
            if chunks is None:
                continue
            for batch in file.iter_batches(batch_rows, row_groups=[group], columns=wanted, use_threads=False):
                batch.validate(full=True)
                yield _with_all_names(batch, leaves.schema)

    def _wanted(self, names: list[str]) -> list[str]:
        repeated = next((name for name, count in Counter(names).items() if count > 1), None)
        if repeated is not None:
            raise self._refuse(f"the column {repeated!r} stands twice: rename one", repeated, "repeated_name")
        return [name for name in names if self._columns is None or name in self._columns]

    def _check_rows(self, footer: Footer) -> None:
        if self._max_rows is not None and footer.rows > self._max_rows:
            raise self._refuse(f"a request may hold {self._max_rows} rows, send several", "rows", "too_many_rows")

    def _check_columns(self, leaves: _Leaves, wanted: list[str]) -> None:
        """Refuse columns of a body whose values could become large where their pages are small."""
        for name in wanted:
            if not leaves.holds_scalars(name):
                what = f"the column {name!r} holds neither numbers, texts nor booleans: convert it"
                raise self._refuse(what, name, "not_a_scalar")
            if leaves.is_text(name) and not leaves.can_be_dictionary(name):
                what = f"the column {name!r} is delta-encoded: write it plain or with a dictionary"
                raise self._refuse(what, name, "wrong_shape")

    def _check_pages(self, footer: Footer, fetch: Fetch, wanted: set[str]) -> None:
        """Refuse what would become too much, before any of it is decompressed."""
        whole = 0
        for group in footer.groups:
            chunks = [chunk for chunk in group or () if chunk.path.partition(".")[0] in wanted]
            pages = [pages_of(fetch, chunk.start, chunk.size) for chunk in chunks]
            whole += sum(found.total for found in pages)
            # a body is held whole by whoever answers it; of a file, a page of each column and its dictionary
            at_once = sum(2 * found.largest for found in pages) if self._max_rows is None else whole
            if at_once > MAX_DECODED:
                raise self._refuse("it becomes too large when it is read: write smaller pages", "$", "wrong_shape")


def _fetch(source: BinaryIO, offset: int, size: int) -> bytes:
    source.seek(offset)
    return source.read(size)


class _Leaves:
    """The columns as the file stores them, by name."""

    def __init__(self, metadata: pq.FileMetaData, footer: Footer) -> None:
        self.schema: pa.Schema = metadata.schema.to_arrow_schema()
        self._types = dict(zip(self.schema.names, self.schema.types, strict=True))
        stored = [metadata.schema.column(place) for place in range(len(metadata.schema))]
        self._stored = {column.path: column for column in stored}
        self._deltas = {chunk.path for group in footer.groups for chunk in group or () if chunk.deltas}

    def holds_scalars(self, name: str) -> bool:
        """Whether its values are scalars, each stored in few bytes unless it is a text."""
        if name not in self._stored or not holds_scalars(self._types[name]):
            return False
        stored = self._stored[name]
        small = stored.physical_type != "FIXED_LEN_BYTE_ARRAY" or stored.length <= WIDEST_DECIMAL
        return small and (self.is_text(name) or stored.physical_type != "BYTE_ARRAY")

    def is_text(self, name: str) -> bool:
        """Whether Arrow makes texts of it."""
        from pyarrow import types

        kind = self._types[name]
        kind = kind.value_type if types.is_dictionary(kind) else kind
        return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))

    def can_be_dictionary(self, name: str) -> bool:
        """Whether it is a text that Arrow can read as a dictionary: where deltas were written, it cannot."""
        return name in self._stored and self.is_text(name) and name not in self._deltas


def _with_all_names(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The batch with a column of nulls for each column of the schema that was not read."""
    import pyarrow as pa

    if batch.schema.names == schema.names:
        return batch
    read = dict(zip(batch.schema.names, batch.columns, strict=True))
    nothing: Any = pa.nulls(batch.num_rows)
    return pa.RecordBatch.from_arrays([read.get(name, nothing) for name in schema.names], schema.names)
