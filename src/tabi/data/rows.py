"""Stored rows, read in batches of some columns: the one way to see a table that may be larger than memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from tabi.contract import MISSING_TEXT
from tabi.data.stored import is_text

BATCH = 100_000
"""Rows that are held at a time."""


@dataclass(frozen=True)
class StoredRows:
    """A table in stored form.

    `texts`: for each column, in order, whether it holds texts. `read(names)`: those columns of all rows, in batches.
    """

    count: int
    texts: Mapping[str, bool]
    read: Callable[[Sequence[str]], Iterator[pd.DataFrame]]

    @classmethod
    def of_frame(cls, stored: pd.DataFrame) -> Self:
        """The rows of a stored frame, as one batch."""
        kinds = {str(name): is_text(stored[name]) for name in stored.columns}
        return cls(len(stored), kinds, lambda names: iter([stored[list(names)]]))

    @classmethod
    def of_file(cls, path: Path, batch: int = BATCH) -> Self:
        """The rows of a snapshot's Parquet file."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        with pq.ParquetFile(path) as file:
            kinds = {field.name: not pa.types.is_floating(field.type) for field in file.schema_arrow}
            count = file.metadata.num_rows
        return cls(count, kinds, lambda names: batches_of_file(path, names, batch))

    def frames(self) -> Iterator[pd.DataFrame]:
        """All columns, in batches."""
        return self.read(list(self.texts))

    def numbers(self, name: str) -> Iterator[npt.NDArray[np.float64]]:
        """A column of numbers, in batches."""
        return (frame[name].to_numpy(dtype=np.float64) for frame in self.read([name]))

    def strings(self, name: str) -> Iterator[list[str]]:
        """A column of texts, in batches, `MISSING_TEXT` where missing."""
        return (
            np.where(frame[name].isna().to_numpy(), MISSING_TEXT, frame[name].to_numpy(dtype=object)).tolist()
            for frame in self.read([name])
        )


def batches_of_file(path: Path, names: Sequence[str] | None = None, batch: int = BATCH) -> Iterator[pd.DataFrame]:
    """The rows of a Parquet file that Tabi wrote, in batches; of all columns, or of those named."""
    import pyarrow.parquet as pq

    # without a buffer of its size a whole row group is held
    with pq.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False) as file:
        for part in file.iter_batches(batch_size=batch, columns=names and list(names), use_threads=False):
            frame = frame_of_arrow(part.to_pandas())
            yield frame if names is None else frame[list(names)]


def frame_of_arrow(frame: pd.DataFrame) -> pd.DataFrame:
    """A stored frame as Arrow gives it back, with NaN for a missing text, where Arrow gives None."""
    return pd.DataFrame({name: frame[name].where(frame[name].notna(), np.nan) for name in frame.columns})
