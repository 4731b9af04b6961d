"""A pandas column, whatever its dtype, as plain Python values: the ground that storing and reading rows share."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd

Cell = float | int | str | bool | None


def cells_of(series: pd.Series) -> list[Cell]:
    """The values of a column in order, `None` where one is missing.

    NumPy scalars and decimals become Python numbers. A value of any other type passes as it is: who cares asks
    `strange_type`.
    """
    values = series.to_numpy(dtype=object, copy=True)
    values[series.isna().to_numpy()] = None
    cells: list[Cell] = values.tolist()
    if any(issubclass(kind, np.generic | Decimal) for kind in set(map(type, cells))):
        cells = [_plain(cell) for cell in cells]
    return cells


def _plain(cell: object) -> Cell:
    if isinstance(cell, np.datetime64 | np.timedelta64):
        # as Python's own they would be counts of nanoseconds
        return pd.Timestamp(cell) if isinstance(cell, np.datetime64) else pd.Timedelta(cell)  # type: ignore[return-value]
    if isinstance(cell, np.generic):
        return cell.item()  # type: ignore[no-any-return]
    if isinstance(cell, Decimal):
        return float(cell)
    return cell  # type: ignore[return-value]


def strange_type(cells: list[Cell]) -> str | None:
    """The name of a type among the cells that is neither a number, a text, a boolean nor missing."""
    kinds = set(map(type, cells))
    return next((k.__name__ for k in kinds if not issubclass(k, str | int | float | type(None))), None)
