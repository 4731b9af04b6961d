"""How rare a row is: the rarity of its bins in the training snapshot, taken together.

The sum over columns of -ln(share of the row's bin), in nats. It takes columns for independent of each other, so a row
is not rare for a combination of values, but for too many rare values at once; it costs a microsecond a row.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from operator import getitem

import msgspec
import numpy as np

from tabi.contract.bins import CategoricalBins, Floats, bins_of
from tabi.contract.columns import CategoricalColumn, NumericColumn, TextColumn
from tabi.contract.document import Contract
from tabi.contract.rows import Fault, Tensors
from tabi.contract.values import MISSING_TEXT

QUANTILE = 0.999


class RarityBound(msgspec.Struct, frozen=True):
    """`bound`: nats above which a row is rare. `quantile`: the share of the snapshot's `rows` that are not."""

    bound: float
    quantile: float
    rows: int


class _Costs(dict[str, float]):
    """Nats by category; any other text is as rare as the bin of the others."""

    def __init__(self, costs: dict[str, float], other: float) -> None:
        super().__init__(costs)
        self._other = other

    def __missing__(self, text: str) -> float:
        return self._other


class Rarity:
    """Tells the rows that are rarer than `bound`. A column without a reference counts for nothing."""

    def __init__(self, contract: Contract, bound: float) -> None:
        self._bound = bound
        numbers = [_number_costs(column) for column in contract.numeric]
        lengths = [_number_costs(column) for column in contract.text]
        self._edges, self._costs = [edges for edges, _ in numbers], [costs for _, costs in numbers]
        self._lengths = lengths
        self._categories = [_text_costs(column) for column in contract.categorical]
        most = sum(max(costs[:-1]) for costs in self._costs) + sum(max(costs) for _, costs in lengths)
        # a hair less, for sums that are rounded in another order
        self._enough = bound - most - 1e-6

    def of_row(self, numbers: Sequence[float], texts: Sequence[str]) -> float:
        """Nats of one row, as `Tensors` has it."""
        if (total := sum(numbers)) == total:
            places = map(bisect_left, self._edges, numbers)
            found = sum(map(getitem, self._costs, places))
        else:
            # a missing number has no place among others
            found = sum(map(_cost, self._edges, self._costs, numbers))
        found += sum(map(getitem, self._categories, texts))
        if self._lengths:
            for (edges, costs), text in zip(self._lengths, texts[len(self._categories) :], strict=True):
                found += costs[-1] if text == MISSING_TEXT else costs[bisect_left(edges, len(text))]
        return found

    def of_rows(self, tensors: Tensors) -> Floats:
        """Nats of each row. Law: the same as `of_row` of each."""
        found = np.zeros(len(tensors.numeric))
        for edges, costs, values in zip(self._edges, self._costs, tensors.numeric.T, strict=True):
            places = np.searchsorted(edges, values, side="left")
            places[np.isnan(values)] = len(costs) - 1
            found += np.take(costs, places)
        count = len(self._categories)
        for categories, texts in zip(self._categories, tensors.categorical.T[:count], strict=True):
            found += np.fromiter(map(categories.__getitem__, texts.tolist()), np.float64, len(texts))
        for (edges, costs), texts in zip(self._lengths, tensors.categorical.T[count:], strict=True):
            sizes = np.fromiter(map(len, texts.tolist()), np.float64, len(texts))
            places = np.searchsorted(edges, sizes, side="left")
            places[sizes == len(MISSING_TEXT)] = len(costs) - 1
            found += np.take(costs, places)
        return found

    def is_rare(self, numbers: Sequence[float], texts: Sequence[str]) -> bool:
        """Whether one row is. Law: `of_row` above the bound."""
        # most rows are far from rare by their texts alone, whatever bins their numbers fall into
        if sum(map(getitem, self._categories, texts)) < self._enough and (total := sum(numbers)) == total:
            return False
        return self.of_row(numbers, texts) > self._bound

    def faults(self, tensors: Tensors) -> list[Fault]:
        """A fault of the row as a whole for each that is rare."""
        return [Fault(int(row), "", "rare") for row in np.flatnonzero(self.of_rows(tensors) > self._bound)]


def bound_of(contract: Contract, tensors: Tensors, quantile: float = QUANTILE) -> RarityBound:
    """The bound that rows of the training snapshot give."""
    found = Rarity(contract, 0.0).of_rows(tensors)
    # a row that is as rare as the bound is not above it, however its last digit was rounded
    bound = float(np.quantile(found, quantile, method="higher")) * (1 + 1e-9) if len(found) else float("inf")
    return RarityBound(bound, quantile, len(found))


def _cost(edges: Sequence[float], costs: Sequence[float], value: float) -> float:
    return costs[bisect_left(edges, value)] if value == value else costs[-1]  # noqa: PLR0124  NaN is what it asks


def _nats(rows: Sequence[int]) -> list[float]:
    """-ln of the share of each bin; half a row is added to each, so that none is impossible."""
    shares = (np.array(rows) + 0.5) / (sum(rows) + 0.5 * len(rows))
    return [float(nats) for nats in -np.log(shares)]


def _number_costs(column: NumericColumn | TextColumn) -> tuple[list[float], list[float]]:
    """Edges, and the nats of each bin between them; the last is for what is missing."""
    bins = bins_of(column)
    if bins is None or isinstance(bins, CategoricalBins):
        return [], [0.0, 0.0]
    return bins.edges.tolist(), _nats(bins.rows)


def _text_costs(column: CategoricalColumn) -> _Costs:
    bins = bins_of(column)
    if not isinstance(bins, CategoricalBins):
        return _Costs({}, 0.0)
    nats = _nats(bins.rows)
    return _Costs({text: nats[place] for text, place in bins.places.items()}, nats[bins.other])
