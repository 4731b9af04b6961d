"""Parquet files -> rows in batches."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from tabi.data.rows import BATCH
from tabi.errors import SourceError


def batches_of_parquet(source: Path | Any, called: str, batch: int = BATCH) -> Iterator[pd.DataFrame]:
    """The rows of one file, a path or what pyarrow has opened. `SourceError` calls it by its name."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # without a buffer of its size a whole row group is held
        with pq.ParquetFile(source, buffer_size=1 << 20, pre_buffer=False) as file:
            for part in file.iter_batches(batch_size=batch, use_threads=False):
                # a table, and no batch, heeds what pandas noted of an index
                yield pa.Table.from_batches([part]).to_pandas()
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"{called} is not readable as Parquet: write the file again") from error
