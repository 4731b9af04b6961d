"""The test cut, made before anything is learnt, and the folds of the rows that are left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import StratifiedKFold, train_test_split

from tabi.errors import DataError
from tabi.project import SplitConfig

Indices = npt.NDArray[np.int64]
Labels = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Cut:
    """Row numbers of the training rows and of the test rows, in the order in which they were drawn."""

    train: Indices
    test: Indices


def cut(y: Labels, config: SplitConfig) -> Cut:
    """The stratified test cut of the rows whose classes are `y`: int8[N], 0 or 1.

    It is `train_test_split(..., stratify=...)` over classes numbered by their first appearance, so neither the names
    of the classes nor the choice of the positive one changes which rows are tested. Raises `DataError` where a class
    has too few rows to be in both parts.
    """
    classes = (y != y[0]).astype(np.int8)
    try:
        train, test = train_test_split(
            np.arange(len(y)), test_size=config.test_size, stratify=classes, random_state=config.seed
        )
    except ValueError as error:
        raise DataError(
            f"{len(y)} rows, {int(min(y.sum(), len(y) - y.sum()))} of the rarer class, cannot be cut into training and "
            f"test rows with split.test_size={config.test_size}: bring more rows or change it"
        ) from error
    return Cut(train, test)


def stratified_folds(y: Labels, folds: int, seed: int) -> list[tuple[Indices, Indices]]:
    """(training rows, validation rows) of each fold, shuffled by `seed`, each with both classes on both sides."""
    rarer = int(min(y.sum(), len(y) - y.sum()))
    if rarer < folds:
        raise DataError(
            f"the rarer class has {rarer} rows, fewer than {folds} folds: bring more rows or use fewer folds"
        )
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    return list(splitter.split(np.zeros(len(y)), y))


def nested_subsamples(y: Labels, sizes: Sequence[int], seed: int) -> list[Indices]:
    """Sorted row numbers of one stratified subsample per size; each holds all smaller ones.

    Every subsample has the classes in the proportion of `y`, to the nearest row, and at least one row of each.
    """
    rng = np.random.default_rng(seed)
    shuffled: list[Any] = [rng.permutation(np.flatnonzero(y == label)) for label in (0, 1)]
    result = []
    for size in sizes:
        positives = min(max(round(size * float(y.mean())), 1), size - 1)
        rows = np.concatenate([shuffled[0][: size - positives], shuffled[1][:positives]])
        result.append(np.sort(rows))
    return result
