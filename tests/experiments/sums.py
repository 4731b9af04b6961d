"""Rows of units, and the sums over them that tests of arms rest on."""

from __future__ import annotations

from typing import Any

import numpy as np
from tea_tasting.aggr import Aggregates


def sums(y: Any, d: Any = None, x: Any = None, w: Any = None) -> Aggregates:
    """The sums of one arm, from a column for each term."""
    given = {"y": y, "d": d, "x": x, "w": w}
    columns = {name: np.asarray(column, float) for name, column in given.items() if column is not None}
    names = sorted(columns)
    return Aggregates(
        len(columns["y"]),
        {name: float(column.mean()) for name, column in columns.items()},
        {name: float(column.var(ddof=1)) for name, column in columns.items()},
        {
            (a, b): float(np.cov(columns[a], columns[b])[0, 1])
            for place, a in enumerate(names)
            for b in names[place + 1 :]
        },
    )
