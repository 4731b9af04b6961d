"""Parquet -> blocks."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

import numpy as np

from tabi.errors import DataError
from tabi.score.blocks import Block
from tabi.score.files import Source
from tabi.tables import batches_of_parquet_file

if TYPE_CHECKING:
    import pyarrow as pa


def schema_of(source: Source) -> tuple[pa.Schema, int]:
    """The columns of the file and its number of rows; `DataError` if it is no Parquet file."""
    import pyarrow as pa
    from pyarrow import parquet as pq

    try:
        metadata = pq.read_metadata(source.path)
        return metadata.schema.to_arrow_schema(), metadata.num_rows
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(f"{source.path} is not a whole Parquet file: copy or write it again") from error


def parquet_blocks(source: Source, columns: Collection[str], rows: int, batch_rows: int) -> Iterator[Block]:
    """The rows of the file in blocks of at most `batch_rows`, of the other columns only the names."""
    first = 0
    for batch in batches_of_parquet_file(source.path, columns, batch_rows):
        last = first + batch.num_rows
        position = source.size * last // max(rows, 1)
        yield Block(source.name, np.arange(first, last, dtype=np.int64), _compact(batch), [], [], position)
        first = last


def _compact(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with no more dictionary than it uses: that of a whole row group would travel with each batch."""
    import pyarrow as pa

    columns = []
    for column in batch.columns:
        if pa.types.is_dictionary(column.type) and len(column.dictionary) > len(column):
            column = column.cast(column.type.value_type)  # noqa: PLW2901 - the same values, in another form
        columns.append(column)
    return pa.RecordBatch.from_arrays(columns, batch.schema.names)
