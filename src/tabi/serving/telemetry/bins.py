"""Drift as counters: served rows, counted into the bins of the contract's own reference.

Counters add up over workers and replicas, and whoever scrapes them compares their shares with those of the training
snapshot. No row leaves the process.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from threading import Lock
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tabi.contract import (
    MISSING_TEXT,
    CategoricalColumn,
    Contract,
    NumericColumn,
    Tensors,
    TextColumn,
)
from tabi.contract.bins import Floats, NumericBins, all_bins, categorical_bins, numeric_bins, score_bins
from tabi.serving.telemetry.cells import Cells, Counts
from tabi.serving.telemetry.metrics import NANO

FLUSH_ROWS = 512
_NO_LENGTHS = np.empty((0, 0))
_Taken = tuple[Floats, npt.NDArray[np.object_], Floats, Floats]
"""Rows that wait to be counted: numbers, categories, the lengths of texts (NaN for a missing one), and scores."""


class _Numeric(NamedTuple):
    """Its place in the tensor, its inner edges, and its counts: the last bin is for what is missing."""

    position: int
    edges: Floats
    counts: Counts


class _Categorical(NamedTuple):
    """Its place in the tensor, the bin of each category and of any other, and its counts."""

    position: int
    bins: dict[str, int]
    other: int
    counts: Counts


class BinCounter:
    """Counts the rows that one version answered. Safe to call from any thread.

    Law: the rows of the training snapshot, however they are split, give the reference's own counts.
    A column without a reference is passed over. `score_rows`: what the bundle knows of its scores, by their bins.
    """

    def __init__(
        self, contract: Contract, cells: Cells, model: str, version: str, score_rows: Sequence[int] | None = None
    ) -> None:
        labels = {"model": model, "version": version}
        self._pending: deque[_Taken] = deque()
        self._rows = 0
        self._lock = Lock()
        self._categories = len(contract.categorical)
        self._has_texts = bool(contract.text)
        self._numeric = _all_numeric(contract.numeric, cells, labels)
        self._lengths = _all_numeric(contract.text, cells, labels)
        categorical = (_categorical(i, column, cells, labels) for i, column in enumerate(contract.categorical))
        self._categorical = [column for column in categorical if column is not None]
        self._scores = _scores(score_bins(contract.target, score_rows), cells, labels)
        _set_rows("feature", max((sum(bins.rows) for bins in all_bins(contract).values()), default=0), cells, labels)

    def add(self, tensors: Tensors, scores: Floats) -> None:
        """Take rows to count, with a score each. They are counted with others, and not changed until then."""
        categorical, lengths = tensors.categorical, _NO_LENGTHS
        if self._has_texts:
            # texts are as long as a caller likes: they are not kept until the rows are counted
            lengths = _lengths(categorical[:, self._categories :])
            categorical = categorical[:, : self._categories].copy()
        self._pending.append((tensors.numeric, categorical, lengths, scores))
        self._rows += len(scores)
        if self._rows >= FLUSH_ROWS:
            self.flush()

    def flush(self) -> None:
        """Count what was taken."""
        with self._lock:
            self._rows = 0
            taken = [self._pending.popleft() for _ in range(len(self._pending))]
            if not taken:
                return
            numeric, categorical, lengths, scores = zip(*taken, strict=True)
            _count_columns(numeric, self._numeric)
            _count_columns(lengths, self._lengths)
            if self._categorical:
                categories = np.concatenate(categorical)
                for texts in self._categorical:
                    _count_texts(categories[:, texts.position].tolist(), texts)
            _count_numbers(np.concatenate(scores), self._scores.edges, self._scores.counts)


def _count_columns(parts: Sequence[Floats], columns: list[_Numeric]) -> None:
    if columns:
        numbers = np.concatenate(parts)
        for column in columns:
            _count_numbers(numbers[:, column.position], column.edges, column.counts)


def _count_numbers(numbers: Floats, edges: Floats, counts: Counts) -> None:
    """The last bin is for what is missing. As `NumericReference` has it, an edge belongs to the bin below it."""
    bins = np.searchsorted(edges, numbers, side="left")
    bins[np.isnan(numbers)] = len(edges) + 1
    counts += np.bincount(bins, minlength=len(counts))


def _count_texts(texts: list[str], column: _Categorical) -> None:
    bins, other, counts = column.bins, column.other, column.counts
    for text, count in Counter(texts).items():
        counts[bins.get(text, other)] += count


def _register(cells: Cells, labels: dict[str, str], column: str, names: Sequence[str], rows: Sequence[int]) -> Counts:
    """The counts of a column's bins; beside them the shares that `rows` of the training snapshot had."""
    labels = {**labels, "column": column}
    _set_ratios(_counts(cells.array("tabi_feature_reference_ratio", labels, len(names), names)), rows)
    return _counts(cells.array("tabi_feature_bins_total", labels, len(names), names))


def _all_numeric(columns: Sequence[NumericColumn | TextColumn], cells: Cells, labels: dict[str, str]) -> list[_Numeric]:
    """Those of the columns that have a reference."""
    found = []
    for index, column in enumerate(columns):
        if column.reference is not None:
            bins = numeric_bins(column.reference)
            found.append(_Numeric(index, bins.edges, _register(cells, labels, column.name, bins.names, bins.rows)))
    return found


def _scores(bins: NumericBins, cells: Cells, labels: dict[str, str]) -> _Numeric:
    """The bins of the scores, and beside them their reference where there is one."""
    edges, names, rows = bins
    if any(rows):
        _set_ratios(_counts(cells.array("tabi_score_reference_ratio", labels, len(names), names)), rows)
        _set_rows("score", sum(rows), cells, labels)
    return _Numeric(0, edges, _counts(cells.array("tabi_score_bins_total", labels, len(names), names)))


def _set_rows(what: str, rows: int, cells: Cells, labels: dict[str, str]) -> None:
    cells.array(f"tabi_{what}_reference_rows", labels, 1)[0] = rows


def _set_ratios(ratios: Counts, rows: Sequence[int]) -> None:
    ratios[:] = np.rint(np.array(rows) / max(sum(rows), 1) / NANO)


def _lengths(texts: npt.NDArray[np.object_]) -> Floats:
    """Characters of each text; NaN for one that is missing."""
    lengths = np.fromiter(map(len, texts.ravel().tolist()), np.float64, texts.size).reshape(texts.shape)
    lengths[lengths == len(MISSING_TEXT)] = np.nan
    return lengths


def _categorical(index: int, column: CategoricalColumn, cells: Cells, labels: dict[str, str]) -> _Categorical | None:
    if column.reference is None:
        return None
    bins = categorical_bins(column.categories, column.reference)
    counts = _register(cells, labels, column.name, bins.names, bins.rows)
    return _Categorical(index, bins.places, bins.other, counts)


def _counts(view: memoryview) -> Counts:
    return np.frombuffer(view, dtype=np.int64)
