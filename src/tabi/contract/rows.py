"""A request's rows -> the graph's two tensors, with every fault found on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan
from sys import float_info
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tabi.contract.columns import CategoricalColumn, TextColumn
from tabi.contract.document import Contract
from tabi.contract.values import MISSING_TEXT, NAN, Rule, Scalar, category_of, number_of

FLOAT_MAX = float_info.max
# a value of its own kind, so that the checks of kind pass it over
_ABSENT: Any = object()


class Fault(NamedTuple):
    """Where a row breaks the contract: row, column ("" is the row as a whole) and rule. Never the value."""

    row: int
    column: str
    rule: Rule


class Tensors(NamedTuple):
    """The two inputs of the graph: float64[N, n] with NaN for missing, str[N, m] (object) with "" for missing.

    `categorical` has the columns of `Contract.strings`: the categories, then the texts.
    """

    numeric: npt.NDArray[np.float64]
    categorical: npt.NDArray[np.object_]


class _AnyText(dict[str, str]):
    """Stands for the categories of a column of free text, which takes every text that is not missing."""

    def __contains__(self, text: object) -> bool:
        return text != MISSING_TEXT

    def __missing__(self, text: str) -> str:
        return text


def _categories(column: CategoricalColumn | TextColumn) -> dict[str, str]:
    return _AnyText() if isinstance(column, TextColumn) else {category: category for category in column.categories}


class RowReader:
    """Reads rows by one contract.

    Lenient by nature: a missing column is a missing value, what is not a number becomes missing, an unknown
    category is passed on, an unknown column is ignored. Each of these but the plain missing value is told as a fault;
    whether a fault is a warning or a refusal is the caller's decision.
    """

    def __init__(self, contract: Contract) -> None:
        self._names = frozenset(c.name for c in contract.columns)
        self._numeric = [
            (
                c.name,
                c.nullable,
                # infinity is outside of any range, so that one comparison tells a number that needs no second look
                -FLOAT_MAX if c.minimum is None else c.minimum,
                FLOAT_MAX if c.maximum is None else c.maximum,
            )
            for c in contract.numeric
        ]
        self._strings = [(c.name, c.nullable, _categories(c)) for c in contract.strings]

    def read(self, rows: Sequence[Mapping[str, Scalar]]) -> tuple[Tensors, list[Fault]]:
        """Tensors of all rows, in order, and the faults in order of row."""
        faults: list[Fault] = []
        numbers: list[float] = []
        texts: list[str] = []
        for index, row in enumerate(rows):
            self.read_row(index, row, numbers, texts, faults)
        return self.tensors(numbers, texts, len(rows)), faults

    def read_row(
        self, index: int, row: Mapping[str, Scalar], numbers: list[float], texts: list[str], faults: list[Fault]
    ) -> None:
        """Append one row's numbers, texts and faults to what was read before; `index` is its place in the faults."""
        found = self._read_numbers(index, row, numbers, faults)
        found += self._read_texts(index, row, texts, faults)
        if found != len(row):
            faults.extend(Fault(index, name, "unknown_column") for name in row if name not in self._names)

    def tensors(self, numbers: list[float], texts: list[str], count: int) -> Tensors:
        """The tensors of `count` rows whose values were appended one row after the other."""
        numeric = np.array(numbers, dtype=np.float64).reshape(count, len(self._numeric))
        categorical = np.array(texts, dtype=np.object_).reshape(count, len(self._strings))
        return Tensors(numeric, categorical)

    def _read_numbers(self, index: int, row: Mapping[str, Scalar], numbers: list[float], faults: list[Fault]) -> int:
        found = 0
        for name, nullable, minimum, maximum in self._numeric:
            given = row.get(name, _ABSENT)
            # what nearly every value is, before anything is called
            if (type(given) is float or type(given) is int) and minimum <= given <= maximum:
                found += 1
                numbers.append(given)
                continue
            value, rule = NAN, None
            if given is not _ABSENT:
                found += 1
                value, rule = number_of(given)
            if rule is None:
                if isnan(value):
                    rule = None if nullable else "missing"
                elif value < minimum:
                    rule = "below_minimum"
                elif value > maximum:
                    rule = "above_maximum"
            if rule is not None:
                faults.append(Fault(index, name, rule))
            numbers.append(value)
        return found

    def _read_texts(self, index: int, row: Mapping[str, Scalar], texts: list[str], faults: list[Fault]) -> int:
        found = 0
        for name, nullable, categories in self._strings:
            given = row.get(name, _ABSENT)
            if type(given) is str and given in categories:
                found += 1
                # our own text, not the body's: whoever keeps rows for a while keeps no memory of theirs
                texts.append(categories[given])
                continue
            text = MISSING_TEXT
            if given is not _ABSENT:
                found += 1
                text = category_of(given)
            if text == MISSING_TEXT:
                if not nullable:
                    faults.append(Fault(index, name, "missing"))
            elif text not in categories:
                faults.append(Fault(index, name, "unknown_category"))
            texts.append(text)
        return found
