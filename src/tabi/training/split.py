"""Random cuts: the test set, made before anything is learnt, the folds of the rows that are left, and parts of them.

Where rows have classes, all of them keep the classes in their proportions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split

from tabi.errors import DataError
from tabi.project import SplitConfig
from tabi.training.metrics import Labels

__all__ = [
    "Cut",
    "Folds",
    "Indices",
    "Labels",
    "cut",
    "nested_subsamples",
    "plain_folds",
    "rarest_count",
    "stratified_folds",
]

Indices = npt.NDArray[np.int64]
# (training rows, validation rows) of each
Folds = list[tuple[Indices, Indices]]


@dataclass(frozen=True)
class Cut:
    """Row numbers of the training rows and of the test rows, in the order in which they were drawn."""

    train: Indices
    test: Indices


def cut(y: Labels, config: SplitConfig, *, classified: bool = True) -> Cut:
    """The test cut of the rows whose target is `y`, stratified by the numbers of their classes if it is `classified`.

    It is `train_test_split(..., stratify=...)` over classes numbered by their first appearance, so neither the names
    of the classes nor the choice of the positive one changes which rows are tested. Raises `DataError` where a class
    has too few rows to be in both parts.
    """
    classes = pd.factorize(y)[0] if classified else None
    try:
        train, test = train_test_split(
            np.arange(len(y)), test_size=config.test_size, stratify=classes, random_state=config.seed
        )
    except ValueError as error:
        rarest = f", {rarest_count(y)} of the rarest class," if classified else ""
        raise DataError(
            f"{len(y)} rows{rarest} cannot be cut into training and test rows with "
            f"split.test_size={config.test_size}: bring more rows or change it"
        ) from error
    return Cut(train, test)


def stratified_folds(y: Labels, folds: int, seed: int) -> Folds:
    """The folds, shuffled by `seed`, each with every class on both sides."""
    if (rarest := rarest_count(y)) < folds:
        raise DataError(
            f"the rarest class has {rarest} rows, fewer than {folds} folds: bring more rows or use fewer folds"
        )
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    return list(splitter.split(np.zeros(len(y)), y))


def plain_folds(rows: int, folds: int, seed: int) -> Folds:
    """The folds of rows without classes, shuffled by `seed`."""
    if rows < folds:
        raise DataError(f"{rows} rows are fewer than {folds} folds: bring more rows or use fewer folds")
    return list(KFold(folds, shuffle=True, random_state=seed).split(np.zeros(rows)))


def nested_subsamples(y: Labels, sizes: Sequence[int], seed: int, *, classified: bool = True) -> list[Indices]:
    """Sorted row numbers of one subsample per size; each holds all smaller ones.

    If `y` is `classified`, every subsample has the classes in its proportion, to the nearest row, and at least one row
    of each.
    """
    rng = np.random.default_rng(seed)
    counts = np.bincount(y) if classified else np.array([len(y)])
    shuffled: list[Any] = [
        rng.permutation(np.flatnonzero(y == label) if classified else len(y)) for label in range(len(counts))
    ]
    drawn = (zip(shuffled, _shares(size, counts), strict=True) for size in sizes)
    return [np.sort(np.concatenate([rows[:count] for rows, count in parts])) for parts in drawn]


def rarest_count(y: Labels) -> int:
    """Rows of the rarest class of those that are numbered from 0, two at least."""
    return int(np.bincount(y, minlength=2).min())


def _shares(size: int, counts: npt.NDArray[np.int64]) -> list[int]:
    """`size` rows over classes in the proportion of `counts`.

    From the last class on, each takes its part of what is left and leaves one row for each before it. So a greater
    size takes no fewer of any class, which makes subsamples nested.
    """
    taken = []
    for label in range(len(counts) - 1, 0, -1):
        share = float(counts[label] / counts[: label + 1].sum())
        taken.append(min(max(round(size * share), 1), size - label))
        size -= taken[-1]
    return [size, *taken[::-1]]
