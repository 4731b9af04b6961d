"""Parts -> the output file and the file of rejected rows, each whole or not there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tabi.score.parts import Counts, Parts

if TYPE_CHECKING:
    import pyarrow as pa

# rows that a row group has at least, but for the last
GROUP_ROWS = 131_072


def rejected_path(output: Path) -> Path:
    """Where the rejected rows of an output are told."""
    return output.with_name(f"{output.name}.rejected.ndjson")


def write_output(output: Path, schema: pa.Schema, parts: Parts, count: int) -> Counts:
    """Write the output from the first `count` parts. Rejected rows come first: an output without them would mislead."""
    total = Counts()
    for index in range(count):
        total += parts.counts(index)
    rows, rejected = parts.folder / "output", parts.folder / "rejected"
    _write_rows(rows, schema, parts, count)
    if total.rejected:
        with rejected.open("wb") as file:
            file.writelines(parts.rejected(index) for index in range(count))
            _sync(file.fileno())
        rejected.replace(rejected_path(output))
    else:
        rejected_path(output).unlink(missing_ok=True)
    rows.replace(output)
    return total


def _write_rows(path: Path, schema: pa.Schema, parts: Parts, count: int) -> None:
    import pyarrow as pa
    from pyarrow import parquet as pq

    with path.open("wb") as file:
        with pq.ParquetWriter(file, schema) as writer:
            waiting: list[pa.Table] = []
            for index in range(count):
                waiting.append(parts.table(index))
                if sum(table.num_rows for table in waiting) >= GROUP_ROWS:
                    writer.write_table(pa.concat_tables(waiting))
                    waiting = []
            rest = pa.concat_tables(waiting) if waiting else schema.empty_table()
            if rest.num_rows:
                writer.write_table(rest)
        _sync(file.fileno())


def _sync(descriptor: int) -> None:
    os.fsync(descriptor)
