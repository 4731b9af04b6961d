"""Rows of the log counted into the bins of the bundle's own reference, window by window."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from tabi.contract.bins import Bins, CategoricalBins, Counts
from tabi.monitoring.judged import SCORE
from tabi.monitoring.watched import Batch, Values

Windows = dict[float, dict[str, Counts]]
"""Counts of each column by the moment at which its window begins."""


def count_windows(found: Iterable[Batch], bins: Mapping[str, Bins], width: float | None) -> Windows:
    """Counts of every column and the score in windows of `width` seconds, in order of time; None makes one of all.

    Law: the counts of windows add up to those of the whole, and those of batches to those of their rows together.
    """
    windows: Windows = {}
    for batch in found:
        begins = np.zeros(len(batch.times)) if width is None else np.floor(batch.times / width) * width
        for begin in np.unique(begins).tolist():
            rows = np.flatnonzero(begins == begin)
            counts = count_rows(batch if len(rows) == len(begins) else batch.taken(rows), bins)
            before = windows.get(begin)
            windows[begin] = counts if before is None else {name: before[name] + counts[name] for name in counts}
    return dict(sorted(windows.items()))


def count_rows(batch: Batch, bins: Mapping[str, Bins]) -> dict[str, Counts]:
    """Counts of every column that has bins, and of the score."""
    return {
        name: _count(batch.scores if name == SCORE else batch.columns[name], of)
        for name, of in bins.items()
        if name == SCORE or name in batch.columns
    }


def added(windows: Windows) -> dict[str, Counts]:
    """The counts of all windows together."""
    whole: dict[str, Counts] = {}
    for counts in windows.values():
        for name, of_column in counts.items():
            whole[name] = whole[name] + of_column if name in whole else of_column
    return whole


def _count(values: Values, bins: Bins) -> Counts:
    if isinstance(bins, CategoricalBins):
        return bins.count_rows(values if isinstance(values, list) else ())
    return bins.count_rows(np.asarray(values, dtype=np.float64))
