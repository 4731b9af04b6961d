"""Estimators made of others: voting, stacking, bagging, one against the rest."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.multiclass import OneVsRestClassifier

from tabi.compile.converters.compose import join
from tabi.compile.converters.forest import bagged
from tabi.compile.graph import Graph, Lanes, Scores, Value
from tabi.compile.operators import normalised, repeated, side_by_side
from tabi.compile.registry import convert, converts, probability_of, ranking_of, refuse, scores_only, value_only


@converts(VotingClassifier)
def _voting_classifier(estimator: VotingClassifier, graph: Graph, lanes: Lanes, path: str) -> Scores:
    if estimator.voting != "soft":
        raise refuse(path, estimator, "voting='hard'", "use voting='soft'")
    parts = [
        probability_of(convert(member, graph, lanes, here), member, here) for member, here in _members(estimator, path)
    ]
    return Scores(_average(graph, parts, estimator._weights_not_none), classes=len(estimator.classes_))


@converts(VotingRegressor)
def _voting_regressor(estimator: VotingRegressor, graph: Graph, lanes: Lanes, path: str) -> Value:
    parts = [value_only(convert(member, graph, lanes, here), here).tensor for member, here in _members(estimator, path)]
    return Value(_average(graph, parts, estimator._weights_not_none))


@converts(StackingClassifier, StackingRegressor)
def _stacking(estimator: Any, graph: Graph, lanes: Lanes, path: str) -> Scores | Value:
    given: Lanes = ()
    for (member, here), method in zip(_members(estimator, path), estimator.stack_method_, strict=True):
        tensor, width = _stacked(member, method, graph, lanes, here)
        given += graph.lanes_of(tensor, width)
    final = join(path, "final")
    converted = convert(estimator.final_estimator_, graph, given + (lanes if estimator.passthrough else ()), final)
    return value_only(converted, final) if isinstance(converted, Value) else scores_only(converted, final)


def _stacked(member: Any, method: str, graph: Graph, lanes: Lanes, path: str) -> tuple[str, int]:
    """What one member gives to the final estimator: a tensor and its width."""
    converted = convert(member, graph, lanes, path)
    if method == "predict":
        if isinstance(converted, Value):
            return converted.tensor, 1
        raise refuse(path, member, "stack_method='predict'", "use predict_proba or decision_function")
    scores = scores_only(converted, path)
    if method == "decision_function":
        return ranking_of(scores, member, path), scores.width
    return probability_of(scores, member, path), scores.width


@converts(BaggingClassifier)
def _bagging_classifier(estimator: BaggingClassifier, graph: Graph, lanes: Lanes, path: str) -> Scores:
    classes = len(estimator.classes_)
    mean = bagged(estimator, graph, lanes, path) if classes == 2 else None
    if mean is not None:
        return Scores(mean)
    parts = []
    for i, (member, features) in enumerate(zip(estimator.estimators_, estimator.estimators_features_, strict=True)):
        here, chosen = join(path, str(i)), tuple(lanes[j] for j in features)
        if len(member.classes_) == classes:
            parts.append(probability_of(convert(member, graph, chosen, here), member, here))
        elif len(member.classes_) == 1:
            only = np.eye(classes)[int(member.classes_[0])]
            parts.append(repeated(graph, lanes, only[1:] if classes == 2 else only))
        else:
            raise refuse(here, estimator, "a member that saw only some of the classes", "use more rows or max_samples")
    return Scores(_average(graph, parts, None), classes=classes)


@converts(BaggingRegressor)
def _bagging_regressor(estimator: BaggingRegressor, graph: Graph, lanes: Lanes, path: str) -> Value:
    mean = bagged(estimator, graph, lanes, path)
    if mean is not None:
        return Value(mean)
    parts = []
    for i, (member, features) in enumerate(zip(estimator.estimators_, estimator.estimators_features_, strict=True)):
        here, chosen = join(path, str(i)), tuple(lanes[j] for j in features)
        parts.append(value_only(convert(member, graph, chosen, here), here).tensor)
    return Value(_average(graph, parts, None))


@converts(OneVsRestClassifier)
def _one_vs_rest(estimator: OneVsRestClassifier, graph: Graph, lanes: Lanes, path: str) -> Scores:
    classes = len(estimator.classes_)
    if estimator.multilabel_:
        raise refuse(path, estimator, "several labels a row", "train one model a label")
    parts, decisions = [], []
    for i, member in enumerate(estimator.estimators_):
        here = join(path, str(i))
        scores = scores_only(convert(member, graph, lanes, here), here)
        parts.append(scores.probability)
        decisions.append(ranking_of(scores, member, here) if hasattr(member, "decision_function") else None)
    decision = side_by_side(graph, [d for d in decisions if d]) if all(decisions) else None
    if not all(parts):
        return Scores(None, decision, classes)
    shares = side_by_side(graph, [part for part in parts if part])
    if classes > 2:
        shares = normalised(graph, shares, classes, of_nothing=0.0)
    return Scores(shares, decision, classes)


def _members(estimator: Any, path: str) -> list[tuple[Any, str]]:
    names = [name for name, member in estimator.estimators if member != "drop"]
    return [(member, join(path, name)) for name, member in zip(names, estimator.estimators_, strict=True)]


def _average(graph: Graph, parts: list[str], weights: Any) -> str:
    if weights is None:
        total = parts[0] if len(parts) == 1 else graph.add("Sum", parts)
        return graph.add("Div", [total, graph.constant(float(len(parts)))])
    weighted = [graph.add("Mul", [part, graph.constant(float(w))]) for part, w in zip(parts, weights, strict=True)]
    return graph.add("Div", [graph.add("Sum", weighted), graph.constant(float(np.sum(weights)))])
