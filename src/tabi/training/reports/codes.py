"""Columns cut into slices by the contract: each category, and each bin of a numeric column's reference."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from tabi.contract import CategoricalColumn, Contract, NumericColumn

MISSING, OTHER = "missing", "another category"


class Coded(NamedTuple):
    """A column whose every row is in one of the slices `names`."""

    column: str
    code: npt.NDArray[np.int64]
    names: tuple[str, ...]


def coded_columns(contract: Contract, X: pd.DataFrame) -> list[Coded]:
    """Every column that has slices: those of free text have none."""
    found = []
    for column in contract.columns:
        if isinstance(column, NumericColumn) and column.reference is not None and column.reference.edges:
            found.append(_numeric(column.name, np.asarray(column.reference.edges), X[column.name]))
        elif isinstance(column, CategoricalColumn):
            found.append(_categorical(column, X[column.name]))
    return found


def _numeric(name: str, edges: npt.NDArray[np.float64], series: pd.Series) -> Coded:
    values = series.to_numpy(dtype=np.float64)
    code = np.searchsorted(edges, values, side="left")
    code[np.isnan(values)] = len(edges) + 1
    texts = [f"{edge:.6g}" for edge in edges]
    inner = [f"{low} < {name} <= {high}" for low, high in pairwise(texts)]
    names = [f"{name} <= {texts[0]}", *inner, f"{name} > {texts[-1]}", f"{name}: {MISSING}"]
    return Coded(name, code, tuple(names))


def _categorical(column: CategoricalColumn, series: pd.Series) -> Coded:
    places = {category: i for i, category in enumerate(column.categories)}
    other = len(places)
    values = series.to_numpy(dtype=object)
    missing = pd.isna(values)
    code = np.array([places.get(value, other) for value in values], dtype=np.int64)
    code[missing] = other + 1
    names = [f"{column.name} = {category}" for category in column.categories]
    return Coded(column.name, code, (*names, f"{column.name}: {OTHER}", f"{column.name}: {MISSING}"))
