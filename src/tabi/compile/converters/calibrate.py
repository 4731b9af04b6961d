"""CalibratedClassifierCV: the mean over its members of a calibrated score, by sigmoid or by isotonic steps."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto
from sklearn.calibration import CalibratedClassifierCV
from sklearn.isotonic import IsotonicRegression

from tabi.compile.converters.compose import join
from tabi.compile.graph import Graph, Lanes, Scores
from tabi.compile.operators import normalised, side_by_side
from tabi.compile.registry import convert, converts, ranking_of, refuse, scores_only


@converts(CalibratedClassifierCV)
def _calibrated_classifier(estimator: CalibratedClassifierCV, graph: Graph, lanes: Lanes, path: str) -> Scores:
    if estimator.method not in ("sigmoid", "isotonic"):
        raise refuse(path, estimator, f"method={estimator.method!r}", "use sigmoid or isotonic")
    classes = len(estimator.classes_)
    members = [
        _calibrated(member, classes, graph, lanes, join(path, str(i)))
        for i, member in enumerate(estimator.calibrated_classifiers_)
    ]
    total = members[0] if len(members) == 1 else graph.add("Sum", members)
    return Scores(graph.add("Div", [total, graph.constant(float(len(members)))]), classes=classes)


def _calibrated(member: Any, classes: int, graph: Graph, lanes: Lanes, path: str) -> str:
    scores = scores_only(convert(member.estimator, graph, lanes, path), path)
    if scores.classes != classes:
        raise refuse(path, member.estimator, "only some of the classes", "use more rows or fewer folds")
    ranking, width = ranking_of(scores, member.estimator, path), scores.width
    columns = [graph.pack((lane,)) for lane in graph.lanes_of(ranking, width)]
    shares = [_one(*pair, graph) for pair in zip(member.calibrators, columns, strict=True)]
    if width == 1:
        return shares[0]
    return normalised(graph, side_by_side(graph, shares), classes, of_nothing=1.0 / classes)


def _one(calibrator: Any, score: str, graph: Graph) -> str:
    if isinstance(calibrator, IsotonicRegression):
        return _isotonic(calibrator, graph, score)
    scaled = graph.add("Mul", [score, graph.constant(-calibrator.a_)])
    return graph.sigmoid(graph.add("Sub", [scaled, graph.constant(calibrator.b_)]))


def _isotonic(calibrator: IsotonicRegression, graph: Graph, score: str) -> str:
    """Linear interpolation between the fitted steps; beyond the first and the last it stays level."""
    x = np.asarray(calibrator.X_thresholds_, dtype=np.float64)
    y = np.asarray(calibrator.y_thresholds_, dtype=np.float64)
    if len(x) == 1:
        x, y = np.array([x[0], x[0] + 1.0]), np.array([y[0], y[0]])
    bounded = graph.add("Clip", [score, graph.constant(x[0]), graph.constant(x[-1])])
    # the segment that a score lies in: how many inner steps stand below it
    above = graph.add("Greater", [bounded, graph.constant(x[None, 1:-1])])
    counts = graph.add("Cast", [above], to=TensorProto.INT64)
    segment = graph.add("ReduceSum", [counts, graph.constant([1], np.int64)], keepdims=1)
    start = graph.add("Gather", [graph.constant(x[:-1]), segment], axis=0)
    level = graph.add("Gather", [graph.constant(y[:-1]), segment], axis=0)
    slope = graph.add("Gather", [graph.constant(np.diff(y) / np.diff(x)), segment], axis=0)
    rise = graph.add("Mul", [graph.add("Sub", [bounded, start]), slope])
    return graph.add("Add", [rise, level])
