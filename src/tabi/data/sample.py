"""Some rows of a table that does not fit memory: the same ones every time, on any machine, whatever the batches."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from tabi.data.rows import StoredRows

Hashes = npt.NDArray[np.uint64]


def hashes_of(frame: pd.DataFrame) -> Hashes:
    """One hash a row of a stored frame. Equal rows have one."""
    return np.asarray(pd.util.hash_pandas_object(frame, index=False), dtype=np.uint64)


def some_of(rows: StoredRows, count: int, seed: int) -> pd.DataFrame:
    """At most so many rows, each as likely as another, in their order. A batch and the sample are held."""
    drawn = np.random.default_rng(seed).choice(rows.count, min(count, rows.count), replace=False)
    places = np.sort(drawn)
    chosen, begin = [], 0
    for frame in rows.frames():
        first, end = np.searchsorted(places, [begin, begin + len(frame)])
        chosen.append(frame.iloc[places[first:end] - begin])
        begin += len(frame)
    found: pd.DataFrame = pd.concat(chosen, ignore_index=True)
    return found


def sample_of(rows: StoredRows, count: int) -> pd.DataFrame:
    """The rows with the smallest hashes, in their order; of equal rows all or none, so there may be a few more.

    Two passes, of which the first holds eight bytes a row and the second the sample.
    """
    hashes = np.concatenate([hashes_of(frame) for frame in rows.frames()])
    last = hashes.max() if count >= len(hashes) else np.partition(hashes, count - 1)[count - 1]
    chosen: pd.DataFrame = pd.concat([f[hashes_of(f) <= last] for f in rows.frames()], ignore_index=True)
    return chosen
