"""A request's rows -> the graph's two tensors, with every fault found on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tabi.contract.document import Contract
from tabi.contract.values import MISSING_TEXT, NAN, Rule, Scalar, category_of, number_of


class Fault(NamedTuple):
    """Where a row breaks the contract: row, column ("" is the row as a whole) and rule. Never the value."""

    row: int
    column: str
    rule: Rule


class Tensors(NamedTuple):
    """The two inputs of the graph: float64[N, n] with NaN for missing, str[N, m] (object) with "" for missing."""

    numeric: npt.NDArray[np.float64]
    categorical: npt.NDArray[np.object_]


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
                -np.inf if c.minimum is None else c.minimum,
                np.inf if c.maximum is None else c.maximum,
            )
            for c in contract.numeric
        ]
        self._categorical = [(c.name, c.nullable, frozenset(c.categories)) for c in contract.categorical]

    def read(self, rows: Sequence[Mapping[str, Scalar]]) -> tuple[Tensors, list[Fault]]:
        """Tensors of all rows, in order, and the faults in order of row."""
        faults: list[Fault] = []
        numbers: list[float] = []
        texts: list[str] = []
        for index, row in enumerate(rows):
            found = self._read_numbers(index, row, numbers, faults)
            found += self._read_texts(index, row, texts, faults)
            if found != len(row):
                faults.extend(Fault(index, name, "unknown_column") for name in row if name not in self._names)
        count = len(rows)
        numeric = np.array(numbers, dtype=np.float64).reshape(count, len(self._numeric))
        categorical = np.empty(len(texts), dtype=np.object_)
        categorical[:] = texts
        return Tensors(numeric, categorical.reshape(count, len(self._categorical))), faults

    def _read_numbers(self, index: int, row: Mapping[str, Scalar], numbers: list[float], faults: list[Fault]) -> int:
        found = 0
        for name, nullable, minimum, maximum in self._numeric:
            if name in row:
                found += 1
                value, rule = number_of(row[name])
            else:
                value, rule = NAN, None
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
        for name, nullable, categories in self._categorical:
            if name in row:
                found += 1
                text = category_of(row[name])
            else:
                text = MISSING_TEXT
            if text == MISSING_TEXT:
                if not nullable:
                    faults.append(Fault(index, name, "missing"))
            elif text not in categories:
                faults.append(Fault(index, name, "unknown_category"))
            texts.append(text)
        return found
