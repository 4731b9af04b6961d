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

from tabi.contract import MISSING_TEXT, CategoricalColumn, Contract, NumericColumn, Tensors
from tabi.serving.telemetry.cells import Cells, Counts
from tabi.serving.telemetry.metrics import NANO

FLUSH_ROWS = 512
# a column with more categories has its rarer ones in one bin: a series each would drown who scrapes them
NAMED_CATEGORIES = 100
OTHER, REST, MISSING = "other", "rest", "missing"

_SCORE_EDGES = np.array([i / 10 for i in range(1, 10)])


class _Numeric(NamedTuple):
    """Its place in the tensor, its inner edges, and its counts: the last bin is for what is missing."""

    position: int
    edges: npt.NDArray[np.float64]
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
    A column without a reference is passed over.
    """

    def __init__(self, contract: Contract, cells: Cells, model: str, version: str) -> None:
        labels = {"model": model, "version": version}
        self._pending: deque[tuple[Tensors, npt.NDArray[np.float64]]] = deque()
        self._rows = 0
        self._lock = Lock()
        numeric = (_numeric(i, column, cells, labels) for i, column in enumerate(contract.numeric))
        self._numeric = [column for column in numeric if column is not None]
        categorical = (_categorical(i, column, cells, labels) for i, column in enumerate(contract.categorical))
        self._categorical = [column for column in categorical if column is not None]
        names = (*_upper_bounds(_SCORE_EDGES.tolist()), MISSING)
        self._scores = _counts(cells.array("tabi_score_bins_total", labels, len(names), names))

    def add(self, tensors: Tensors, probabilities: npt.NDArray[np.float64]) -> None:
        """Take rows to count. They are counted with others, and not changed until then."""
        self._pending.append((tensors, probabilities))
        self._rows += len(probabilities)
        if self._rows >= FLUSH_ROWS:
            self.flush()

    def flush(self) -> None:
        """Count what was taken."""
        with self._lock:
            self._rows = 0
            taken = [self._pending.popleft() for _ in range(len(self._pending))]
            if not taken:
                return
            if self._numeric:
                numeric = np.concatenate([tensors.numeric for tensors, _ in taken])
                for column in self._numeric:
                    _count_numbers(numeric[:, column.position], column.edges, column.counts)
            if self._categorical:
                categorical = np.concatenate([tensors.categorical for tensors, _ in taken])
                for texts in self._categorical:
                    _count_texts(categorical[:, texts.position].tolist(), texts)
            _count_numbers(np.concatenate([scores for _, scores in taken]), _SCORE_EDGES, self._scores)


def _count_numbers(numbers: npt.NDArray[np.float64], edges: npt.NDArray[np.float64], counts: Counts) -> None:
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
    ratios = _counts(cells.array("tabi_feature_reference_ratio", labels, len(names), names))
    ratios[:] = np.rint(np.array(rows) / max(sum(rows), 1) / NANO)
    return _counts(cells.array("tabi_feature_bins_total", labels, len(names), names))


def _numeric(index: int, column: NumericColumn, cells: Cells, labels: dict[str, str]) -> _Numeric | None:
    reference = column.reference
    if reference is None:
        return None
    names = (*_upper_bounds(reference.edges), MISSING)
    counts = _register(cells, labels, column.name, names, (*reference.counts, reference.missing))
    return _Numeric(index, np.array(reference.edges), counts)


def _categorical(index: int, column: CategoricalColumn, cells: Cells, labels: dict[str, str]) -> _Categorical | None:
    reference = column.reference
    if reference is None:
        return None
    rows = dict(zip(column.categories, reference.counts, strict=True))
    named = set(sorted(rows, key=rows.__getitem__, reverse=True)[:NAMED_CATEGORIES])
    # in the contract's order
    kept = [category for category in rows if category in named]
    rest = sum(rows.values()) - sum(rows[category] for category in kept)
    # a category may be called "other" itself
    expected = {f"is {category}": rows[category] for category in kept}
    expected |= {REST: rest} if len(rows) > len(kept) else {}
    expected |= {OTHER: reference.other, MISSING: reference.missing}
    names = tuple(expected)
    bins = dict.fromkeys(rows, len(kept)) | {category: i for i, category in enumerate(kept)}
    bins[MISSING_TEXT] = names.index(MISSING)
    counts = _register(cells, labels, column.name, names, tuple(expected.values()))
    return _Categorical(index, bins, names.index(OTHER), counts)


def _upper_bounds(edges: Sequence[float]) -> list[str]:
    return [f"le {float(edge)!r}" for edge in edges] + ["le +Inf"]


def _counts(view: memoryview) -> Counts:
    return np.frombuffer(view, dtype=np.int64)
