"""The groups of the test rows by a sensitive column, which the model need not see."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from tabi.contract import category_of
from tabi.data import labelled_rows
from tabi.errors import ConfigError
from tabi.gates.candidate import Candidate

MISSING = "missing"
# numbers with more values than that are cut into quarters
NUMBERS = 10
# more groups than that are no groups
MOST = 100


class Groups(NamedTuple):
    """A column, its groups' names in order, and the place of each test row's group among them."""

    column: str
    names: tuple[str, ...]
    place: npt.NDArray[np.int64]


def groups_of(candidate: Candidate) -> list[Groups]:
    """The groups by every column of `fairness.sensitive`.

    `ConfigError` for a column that the rows do not have, that is the target, or that has too many groups.
    """
    names = candidate.run.config.fairness.sensitive
    if not names:
        return []
    frame = labelled_rows(candidate.workspace, candidate.run.config, candidate.run.snapshot_digest).frame
    unknown = [name for name in names if name not in frame.columns or name == candidate.contract.target.name]
    if unknown:
        raise ConfigError(f"fairness.sensitive: {unknown[0]!r} is no column of the rows beside the target")
    return [grouped(name, frame[name].iloc[candidate.cut.test]) for name in dict.fromkeys(names)]


def grouped(column: str, series: pd.Series) -> Groups:
    """Rows by the value of a stored column: each text, each of a few numbers, or a quarter of many; or missing."""
    values = series.to_numpy()
    missing = np.asarray(pd.isna(series))
    labels = np.full(len(values), MISSING, dtype=object)
    held = values[~missing]
    if series.dtype != object and len(np.unique(held)) > NUMBERS:
        labels[~missing], order = _quarters(held.astype(np.float64))
    else:
        labels[~missing] = [category_of(value) for value in held.tolist()]
        order = [category_of(value) for value in np.unique(held).tolist()]
    names = [name for name in order if name in set(labels)] + [MISSING] * bool(missing.any())
    if len(names) > MOST:
        raise ConfigError(f"fairness.sensitive: column {column!r} has {len(names)} groups, more than {MOST}")
    places = {name: place for place, name in enumerate(names)}
    return Groups(column, tuple(names), np.array([places[label] for label in labels], dtype=np.int64))


def _quarters(numbers: npt.NDArray[np.float64]) -> tuple[list[str], list[str]]:
    edges = np.unique(np.quantile(numbers, [0.25, 0.5, 0.75]))
    ends = [f"{edge:.6g}" for edge in edges]
    names = [f"up to {ends[0]}", *(f"{a} to {b}" for a, b in pairwise(ends)), f"above {ends[-1]}"]
    return [names[place] for place in np.searchsorted(edges, numbers, side="left")], names
