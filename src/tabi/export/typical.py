"""A row of typical values, made from the contract alone: it shows how a row looks and is no row of anybody."""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate

from tabi.contract import CategoricalColumn, Column, Contract, NumericColumn

TypicalRow = dict[str, float | str | None]


def typical_row(contract: Contract) -> TypicalRow:
    """A value for each column, chosen column by column: the middle bin's midpoint, the most frequent category.

    A free text has no typical value, and the contract keeps none of the texts: its place is taken by the column's name.
    """
    return {column.name: _value(column) for column in contract.columns}


def _value(column: Column) -> float | str | None:
    if isinstance(column, NumericColumn):
        return _number(column)
    if isinstance(column, CategoricalColumn):
        return _category(column)
    return column.name


def _category(column: CategoricalColumn) -> str | None:
    if not column.categories:
        return None
    counts = column.reference.counts if column.reference else ()
    return column.categories[counts.index(max(counts))] if counts else column.categories[0]


def _number(column: NumericColumn) -> float:
    reference = column.reference
    if reference is not None and reference.edges:
        edges = reference.edges
        upto = list(accumulate(reference.counts))
        place = bisect_left(upto, upto[-1] / 2)
        # the outer bins are open, so that they have one edge
        low, high = edges[max(place - 1, 0)], edges[min(place, len(edges) - 1)]
        middle = low / 2 + high / 2
        found = float(round(middle)) if all(edge.is_integer() for edge in edges) else float(f"{middle:.4g}")
    else:
        bounds = [bound for bound in (column.minimum, column.maximum) if bound is not None]
        found = sum(bound / len(bounds) for bound in bounds)
    return _within(found, column)


def _within(number: float, column: NumericColumn) -> float:
    if column.minimum is not None:
        number = max(number, column.minimum)
    if column.maximum is not None:
        number = min(number, column.maximum)
    return number
