"""Candidates that one fit can score: what a larger ensemble holds of smaller ones.

A boosted ensemble or a forest of 150 trees holds those of 50 and 100, and the members of a vote are the same whatever
they weigh. A candidate that is read off so is to the last digit the one that would be fitted alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    VotingClassifier,
    VotingRegressor,
)

from tabi.training.metrics import Floats
from tabi.training.tasks import Task

__all__ = ["Floats", "stage_parameter", "stage_predictions"]

HIST = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)
GRADIENT = (GradientBoostingClassifier, GradientBoostingRegressor)
FORESTS = (RandomForestClassifier, ExtraTreesClassifier, RandomForestRegressor, ExtraTreesRegressor)

# every name that `stage_parameter` may give
STAGES = frozenset({"max_iter", "n_estimators", "weights"})


def stage_parameter(clf: BaseEstimator) -> str | None:
    """The parameter whose values one fit of the estimator can score; None if every value needs a fit."""
    if type(clf) in HIST and clf.early_stopping is False:
        return "max_iter"
    if type(clf) in GRADIENT and clf.n_iter_no_change is None:
        return "n_estimators"
    if type(clf) in FORESTS and not clf.warm_start:
        return "n_estimators"
    if type(clf) is VotingRegressor or (type(clf) is VotingClassifier and clf.voting == "soft"):
        return "weights"
    return None


def stage_predictions(task: Task, clf: BaseEstimator, X: Any, values: Sequence[Any]) -> list[Floats]:
    """What the estimator predicts at each value of the stage parameter, in the order of `values`."""
    if isinstance(clf, VotingClassifier):
        members = np.asarray([member.predict_proba(X) for member in clf.estimators_])
        return [task.kept(np.average(members, axis=0, weights=weights)) for weights in values]
    if isinstance(clf, VotingRegressor):
        columns = np.asarray([member.predict(X) for member in clf.estimators_]).T
        return [task.kept(np.average(columns, axis=1, weights=weights)) for weights in values]
    kept = {size: task.kept(p).copy() for size, p in enumerate(_growing(clf, X), start=1) if size in values}
    return [kept[size] for size in values]


def keep_stages(clf: BaseEstimator, stage: str, value: Any) -> bool:
    """Take from a fitted estimator what a fit with this lower value lacks; False if it is of another kind."""
    if type(clf) not in HIST or stage != "max_iter":
        return False
    clf.set_params(max_iter=value)
    clf._predictors = clf._predictors[:value]
    return True


def _growing(clf: BaseEstimator, X: Any) -> Iterator[Floats]:
    """Predictions after one tree, two trees, and so on."""
    if isinstance(clf, HIST + GRADIENT):
        yield from clf.staged_predict_proba(X) if hasattr(clf, "classes_") else clf.staged_predict(X)
        return
    total: Floats | None = None
    rows = clf._validate_X_predict(X)  # to float32 once, as the forest itself does
    for number, tree in enumerate(clf.estimators_, start=1):
        predict = tree.predict_proba if hasattr(clf, "classes_") else tree.predict
        own = predict(rows, check_input=False)
        total = own if total is None else total + own
        yield total / number
