"""The bins that served rows are counted into: by the server in its counters, by `tabi monitor` from the log.

One truth for both, so that what Prometheus computes from the counters is what the log gives.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tabi.contract.columns import CategoricalColumn, CategoricalReference, NumericColumn, NumericReference, TextColumn
from tabi.contract.document import Contract, Target
from tabi.contract.values import MISSING_TEXT

# a column with more categories has its rarer ones in one bin: a series each would drown who scrapes them
NAMED_CATEGORIES = 100
OTHER, REST, MISSING = "other", "rest", "missing"

# what a contract without a reference of its scores counts probabilities into
PROBABILITY_EDGES = tuple(i / 10 for i in range(1, 10))

Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class NumericBins(NamedTuple):
    """Bins of numbers. `rows`: those of the training snapshot in each; the last bin is for what is missing.

    An edge belongs to the bin below it, as in `NumericReference`.
    """

    edges: Floats
    names: tuple[str, ...]
    rows: tuple[int, ...]

    def count_rows(self, numbers: Floats) -> Counts:
        """Rows in each bin; NaN is missing."""
        bins = np.searchsorted(self.edges, numbers, side="left")
        bins[np.isnan(numbers)] = len(self.edges) + 1
        return np.bincount(bins, minlength=len(self.names))


class CategoricalBins(NamedTuple):
    """Bins of texts. `places`: the bin of each category that the contract knows, and of a missing one."""

    places: dict[str, int]
    other: int
    names: tuple[str, ...]
    rows: tuple[int, ...]

    def count_rows(self, texts: Iterable[str]) -> Counts:
        """Rows in each bin."""
        counts = np.zeros(len(self.names), np.int64)
        places, other = self.places, self.other
        for text, count in Counter(texts).items():
            counts[places.get(text, other)] += count
        return counts


Bins = NumericBins | CategoricalBins


def numeric_bins(reference: NumericReference) -> NumericBins:
    """The bins of a number, or of the lengths of texts."""
    names = (*upper_bounds(reference.edges), MISSING)
    return NumericBins(np.array(reference.edges), names, (*reference.counts, reference.missing))


def categorical_bins(categories: Sequence[str], reference: CategoricalReference) -> CategoricalBins:
    """The bins of a column's commonest categories, of the rest of them, of any other text, and of none."""
    rows = dict(zip(categories, reference.counts, strict=True))
    named = set(sorted(rows, key=rows.__getitem__, reverse=True)[:NAMED_CATEGORIES])
    # in the contract's order
    kept = [category for category in rows if category in named]
    rest = sum(rows.values()) - sum(rows[category] for category in kept)
    # a category may be called "other" itself
    expected = {f"is {category}": rows[category] for category in kept}
    expected |= {REST: rest} if len(rows) > len(kept) else {}
    expected |= {OTHER: reference.other, MISSING: reference.missing}
    names = tuple(expected)
    places = dict.fromkeys(rows, len(kept)) | {category: i for i, category in enumerate(kept)}
    places[MISSING_TEXT] = names.index(MISSING)
    return CategoricalBins(places, names.index(OTHER), names, tuple(expected.values()))


def bins_of(column: NumericColumn | CategoricalColumn | TextColumn) -> Bins | None:
    """The bins of a column; None where it has no reference. A text's are of its length."""
    if column.reference is None:
        return None
    if isinstance(column, CategoricalColumn):
        return categorical_bins(column.categories, column.reference)
    return numeric_bins(column.reference)


def all_bins(contract: Contract) -> dict[str, Bins]:
    """The bins of every column that has a reference, by its name in the contract's order."""
    found = {column.name: bins_of(column) for column in contract.columns}
    return {name: bins for name, bins in found.items() if bins is not None}


def score_bins(target: Target, rows: Sequence[int] | None = None) -> NumericBins:
    """The bins of the scores: a number's are those of its own reference, a probability's ten of the same width.

    `rows`: of the bundle's own reference of its scores; without any all bins have none.
    """
    if target.reference is not None:
        return numeric_bins(target.reference)
    edges = PROBABILITY_EDGES if target.classes else ()
    names = (*upper_bounds(edges), MISSING)
    return NumericBins(np.array(edges), names, tuple(rows) if rows is not None else (0,) * len(names))


def upper_bounds(edges: Sequence[float]) -> list[str]:
    """Names of the bins between edges."""
    return [f"le {float(edge)!r}" for edge in edges] + ["le +Inf"]
