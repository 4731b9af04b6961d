"""GradientBoosting and AdaBoost over scikit-learn's own trees."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import AdaBoostClassifier, GradientBoostingClassifier, GradientBoostingRegressor
from sklearn.tree import DecisionTreeClassifier, ExtraTreeClassifier

from tabi.compile.converters.forest import add_tree, rounded
from tabi.compile.converters.trees import TreeEnsemble
from tabi.compile.graph import Graph, Lanes, Scores, Value
from tabi.compile.operators import from_decision
from tabi.compile.registry import converts, refuse


@converts(GradientBoostingClassifier)
def _gradient_boosting(estimator: GradientBoostingClassifier, graph: Graph, lanes: Lanes, path: str) -> Scores:
    raw = _raw(estimator, graph, lanes, path)
    if estimator.loss == "exponential":
        return Scores(graph.sigmoid(graph.add("Add", [raw, raw])), raw)
    return from_decision(graph, raw, len(estimator.classes_))


@converts(GradientBoostingRegressor)
def _gradient_boosting_regressor(estimator: GradientBoostingRegressor, graph: Graph, lanes: Lanes, path: str) -> Value:
    return Value(_raw(estimator, graph, lanes, path))


def _raw(estimator: Any, graph: Graph, lanes: Lanes, path: str) -> str:
    if type(estimator.init_) not in (DummyClassifier, DummyRegressor) and not isinstance(estimator.init_, str):
        raise refuse(path, estimator, f"init={type(estimator.init_).__name__}", 'leave init None or "zero"')
    # what stands before the first tree is the same for every row: asked of the estimator itself
    start = estimator._raw_predict_init(np.zeros((1, len(lanes)), dtype=np.float32)).ravel()
    trees = TreeEnsemble(targets=len(start), constants=start.astype(np.float64).tolist())
    values = rounded(estimator, graph, lanes, path)
    for stage in estimator.estimators_:
        for target, member in enumerate(stage):
            leaves = estimator.learning_rate * member.tree_.value[:, 0, 0]
            add_tree(trees, member.tree_, leaves, target, graph, values)
    return trees.add_to(graph, values)


@converts(AdaBoostClassifier)
def _ada_boost(estimator: AdaBoostClassifier, graph: Graph, lanes: Lanes, path: str) -> Scores:
    """Each leaf votes for one class with its tree's weight, so the votes are leaf values."""
    others = {
        type(m).__name__ for m in estimator.estimators_ if type(m) not in (DecisionTreeClassifier, ExtraTreeClassifier)
    }
    if others:
        raise refuse(path, estimator, f"members of {', '.join(sorted(others))}", "use decision trees as members")
    classes = len(estimator.classes_)
    binary = classes == 2
    weights = estimator.estimator_weights_ / estimator.estimator_weights_.sum()
    trees = TreeEnsemble(targets=1 if binary else classes)
    values = rounded(estimator, graph, lanes, path)
    for member, weight in zip(estimator.estimators_, weights, strict=False):
        voted = member.classes_[member.tree_.value[:, 0, :].argmax(axis=1)]
        for target in range(trees.targets):
            wanted = estimator.classes_[1 if binary else target]
            votes = np.where(voted == wanted, weight, -weight / (classes - 1)) * (2.0 if binary else 1.0)
            add_tree(trees, member.tree_, votes, target, graph, values)
    decision = trees.add_to(graph, values)
    if binary:
        return Scores(graph.sigmoid(decision), decision)
    shared = graph.add("Div", [decision, graph.constant(float(classes - 1))])
    return Scores(from_decision(graph, shared, classes).probability, decision, classes)
