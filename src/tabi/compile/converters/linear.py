"""LogisticRegression."""

from __future__ import annotations

from sklearn.linear_model import LogisticRegression

from tabi.compile.graph import Graph, Lanes, Scores
from tabi.compile.registry import converts, refuse


@converts(LogisticRegression)
def _logistic_regression(estimator: LogisticRegression, graph: Graph, lanes: Lanes, path: str) -> Scores:
    if len(estimator.classes_) != 2:
        raise refuse(path, estimator, f"{len(estimator.classes_)} classes", "two classes are converted for now")
    product = graph.add("MatMul", [graph.pack(lanes), graph.constant(estimator.coef_.T)])
    decision = graph.add("Add", [product, graph.constant(estimator.intercept_[None, :])])
    return Scores(probability=graph.sigmoid(decision), decision=decision)
