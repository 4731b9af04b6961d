"""Estimators that answer with one inner estimator, and those that know the answer without looking at the row."""

from __future__ import annotations

from typing import Any

import numpy as np
import sklearn.experimental.enable_halving_search_cv  # noqa: F401  the import makes the halving searches importable
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
)
from sklearn.semi_supervised import SelfTrainingClassifier

from tabi.compile.graph import Graph, Lanes, Scores, Value
from tabi.compile.operators import repeated
from tabi.compile.registry import Converted, convert, converts, refuse, transform, transforms

SEARCHES = (GridSearchCV, RandomizedSearchCV, HalvingGridSearchCV, HalvingRandomSearchCV)
INNER = {
    **dict.fromkeys(SEARCHES, "best_estimator_"),
    FixedThresholdClassifier: "estimator_",
    TunedThresholdClassifierCV: "estimator_",
    SelfTrainingClassifier: "estimator_",
    FrozenEstimator: "estimator",
}


@converts(*INNER)
def _delegate(estimator: Any, graph: Graph, lanes: Lanes, path: str) -> Converted:
    # the threshold of a classifier decides what it predicts, not its probability
    return convert(_inner(estimator, path), graph, lanes, path)


@transforms(*SEARCHES, FrozenEstimator)
def _delegate_transform(estimator: Any, graph: Graph, lanes: Lanes, path: str) -> Lanes:
    return transform(_inner(estimator, path), graph, lanes, path)


def _inner(estimator: Any, path: str) -> Any:
    attribute = INNER[type(estimator)]
    if not hasattr(estimator, attribute):
        # a fixed threshold may stand around a fitted estimator, and a search may have refit=False
        if isinstance(estimator, FixedThresholdClassifier):
            return estimator.estimator
        raise refuse(path, estimator, "refit=False", "leave refit True")
    return getattr(estimator, attribute)


@converts(DummyClassifier)
def _dummy_classifier(estimator: DummyClassifier, graph: Graph, lanes: Lanes, path: str) -> Scores:
    if estimator.n_outputs_ != 1:
        raise refuse(path, estimator, "more than one target", "train one model a target")
    if estimator.strategy == "stratified":
        raise refuse(path, estimator, "strategy='stratified'", "its answers are random: use strategy='prior'")
    shares = estimator.predict_proba(np.zeros((1, 1)))[0]
    if len(shares) == 2:
        return Scores(repeated(graph, lanes, shares[1:]))
    return Scores(repeated(graph, lanes, shares), classes=len(shares))


@converts(DummyRegressor)
def _dummy_regressor(estimator: DummyRegressor, graph: Graph, lanes: Lanes, path: str) -> Value:
    if estimator.n_outputs_ != 1:
        raise refuse(path, estimator, "more than one target", "train one model a target")
    return Value(repeated(graph, lanes, estimator.constant_.ravel()))
