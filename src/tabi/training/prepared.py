"""The rows of each fold after the steps before the estimator, for all fits that share them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from tabi.errors import TabiError, TrainingError
from tabi.training.codes import coded
from tabi.training.fits import FitTask, FoldData, SharedFit
from tabi.training.metrics import Labels
from tabi.training.split import Folds, Indices
from tabi.training.tasks import BINARY, Task


def rung_tasks(
    fits: list[SharedFit], X: pd.DataFrame, y: Labels, folds: Folds, task: Task = BINARY
) -> Iterator[FitTask]:
    """The fits of one rung. A preparation is fitted on each fold's training rows only, once for all that share it."""
    sharing: dict[str, list[SharedFit]] = {}
    for shared in fits:
        sharing.setdefault(shared.prep_key, []).append(shared)
    tables = {key: coded(X, own[0].prep) for key, own in sharing.items()}
    for number, fold in enumerate(folds):
        for key, own in sharing.items():
            data = fold_data(own[0].prep, tables[key], y, fold, task)
            for shared in own:
                yield FitTask(replace(shared, prep=None), number, data)


def fold_data(
    prep: Pipeline | None, X: pd.DataFrame, y: Labels, fold: tuple[Indices, Indices], task: Task = BINARY
) -> FoldData:
    """The rows of a fold, after the preparation, which learns from its training rows only.

    `X` may be what `tabi.training.codes.coded` makes of all rows.
    """
    train, valid = fold
    seen, unseen = _prepared(prep, with_empty_columns_constant(X.iloc[train]), y[train], X.iloc[valid])
    return FoldData((seen, y[train]), (unseen, y[valid]), task)


def _prepared(prep: Pipeline | None, rows: pd.DataFrame, y: Labels, unseen: pd.DataFrame) -> tuple[Any, Any]:
    if prep is None:
        return rows, unseen
    prep = clone(prep)
    try:
        return prep.fit_transform(rows, y), prep.transform(unseen)
    except TabiError:  # the time is up
        raise
    except Exception as error:  # the text of a foreign error may hold data values, so only its name is told
        raise TrainingError(
            f"the steps before the last failed with {type(error).__name__}: change the pipeline or its params"
        ) from error


def with_empty_columns_constant(X: pd.DataFrame) -> pd.DataFrame:
    """The rows to fit on: numeric columns without a single value hold zeros.

    Neither teaches anything, but scikit-learn 1.9 cannot bin a column that holds nothing but NaN.
    """
    empty = [name for name in X.columns if X[name].dtype == np.float64 and X[name].isna().all()]
    return X.assign(**dict.fromkeys(empty, 0.0)) if empty else X
