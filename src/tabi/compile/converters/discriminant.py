"""Discriminant analysis and the nearest centroid."""

from __future__ import annotations

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis

from tabi.compile.graph import Graph, Lanes, Scores
from tabi.compile.operators import affine, from_decision, from_joint
from tabi.compile.registry import converts, numbers_only, refuse, transforms


@converts(LinearDiscriminantAnalysis)
def _linear(estimator: LinearDiscriminantAnalysis, graph: Graph, lanes: Lanes, path: str) -> Scores:
    values = graph.pack(numbers_only(estimator, lanes, path))
    decision = affine(graph, values, estimator.coef_.T, estimator.intercept_)
    return from_decision(graph, decision, len(estimator.classes_))


@transforms(LinearDiscriminantAnalysis)
def _linear_transform(estimator: LinearDiscriminantAnalysis, graph: Graph, lanes: Lanes, path: str) -> Lanes:
    if estimator.solver == "lsqr":
        raise refuse(path, estimator, "solver='lsqr' as a transformer", "use solver='svd'")
    values = graph.pack(numbers_only(estimator, lanes, path))
    if estimator.solver == "svd":
        values = graph.add("Sub", [values, graph.constant(estimator.xbar_[None, :])])
    width = min(estimator._max_components, estimator.scalings_.shape[1])
    return graph.lanes_of(affine(graph, values, estimator.scalings_[:, :width]), width)


@converts(QuadraticDiscriminantAnalysis)
def _quadratic(estimator: QuadraticDiscriminantAnalysis, graph: Graph, lanes: Lanes, path: str) -> Scores:
    values = graph.pack(numbers_only(estimator, lanes, path))
    classes = len(estimator.classes_)
    distances = []
    for i in range(classes):
        centred = graph.add("Sub", [values, graph.constant(estimator.means_[i][None, :])])
        turned = affine(graph, centred, estimator.rotations_[i] * estimator.scalings_[i] ** -0.5)
        squares = graph.add("Mul", [turned, turned])
        distances.append(affine(graph, squares, np.ones((len(estimator.scalings_[i]), 1))))
    fixed = [np.log(p) - 0.5 * np.log(s).sum() for p, s in zip(estimator.priors_, estimator.scalings_, strict=True)]
    halved = graph.add("Mul", [graph.add("Concat", distances, axis=1), graph.constant(-0.5)])
    joint = graph.add("Add", [halved, graph.constant([fixed])])
    return from_joint(graph, joint, classes, decision=True)
