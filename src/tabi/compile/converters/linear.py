"""Linear models: a product with the coefficients, and for some a link after it."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn import linear_model as models
from sklearn.svm import LinearSVC, LinearSVR

from tabi.compile.graph import Graph, Lanes, Scores, Value
from tabi.compile.operators import Array, affine, clip, exp, from_decision, normalised
from tabi.compile.registry import convert, converts, numbers_only, refuse, value_only


@converts(models.LogisticRegression, models.LogisticRegressionCV)
def _logistic_regression(estimator: Any, graph: Graph, lanes: Lanes, path: str) -> Scores:
    return from_decision(graph, _decision(estimator, graph, lanes, path), len(estimator.classes_))


@converts(
    models.RidgeClassifier,
    models.RidgeClassifierCV,
    models.Perceptron,
    models.PassiveAggressiveClassifier,
    LinearSVC,
)
def _decision_only(estimator: Any, graph: Graph, lanes: Lanes, path: str) -> Scores:
    return Scores(None, _decision(estimator, graph, lanes, path), len(estimator.classes_))


@converts(models.SGDClassifier)
def _sgd_classifier(estimator: models.SGDClassifier, graph: Graph, lanes: Lanes, path: str) -> Scores:
    decision, classes = _decision(estimator, graph, lanes, path), len(estimator.classes_)
    if estimator.loss not in ("log_loss", "modified_huber"):
        return Scores(None, decision, classes)
    if estimator.loss == "log_loss":
        shares = graph.sigmoid(decision)
    else:
        bounded = graph.add("Add", [clip(graph, decision, -1.0, 1.0), graph.constant(1.0)])
        shares = graph.add("Div", [bounded, graph.constant(2.0)])
    if classes == 2:
        return Scores(shares, decision)
    if estimator.loss == "modified_huber":
        raise refuse(path, estimator, "loss='modified_huber' and more than two classes", "use loss='log_loss'")
    return Scores(normalised(graph, shares, classes, of_nothing=1.0 / classes), decision, classes)


@converts(
    models.ARDRegression,
    models.BayesianRidge,
    models.ElasticNet,
    models.ElasticNetCV,
    models.HuberRegressor,
    models.Lars,
    models.LarsCV,
    models.Lasso,
    models.LassoCV,
    models.LassoLars,
    models.LassoLarsCV,
    models.LassoLarsIC,
    models.LinearRegression,
    models.OrthogonalMatchingPursuit,
    models.OrthogonalMatchingPursuitCV,
    models.PassiveAggressiveRegressor,
    models.QuantileRegressor,
    models.Ridge,
    models.RidgeCV,
    models.SGDRegressor,
    models.TheilSenRegressor,
    LinearSVR,
)
def _linear_regressor(estimator: Any, graph: Graph, lanes: Lanes, path: str) -> Value:
    return Value(_decision(estimator, graph, lanes, path))


@converts(models.PoissonRegressor, models.GammaRegressor, models.TweedieRegressor)
def _generalised_linear(estimator: Any, graph: Graph, lanes: Lanes, path: str) -> Value:
    linear = _decision(estimator, graph, lanes, path)
    link = getattr(estimator, "link", "log")
    logarithmic = link == "log" or (link == "auto" and estimator.power > 0)
    return Value(exp(graph, linear) if logarithmic else linear)


@converts(models.RANSACRegressor)
def _ransac(estimator: models.RANSACRegressor, graph: Graph, lanes: Lanes, path: str) -> Value:
    return value_only(convert(estimator.estimator_, graph, lanes, path), path)


def _decision(estimator: Any, graph: Graph, lanes: Lanes, path: str) -> str:
    numbers_only(estimator, lanes, path)
    weights: Array = np.atleast_2d(np.asarray(estimator.coef_, dtype=np.float64)).T
    bias = np.broadcast_to(np.asarray(estimator.intercept_, dtype=np.float64), (weights.shape[1],))
    if len(lanes) != len(weights) or (weights.shape[1] > 1 and not hasattr(estimator, "classes_")):
        raise refuse(path, estimator, "more than one target", "train one model a target")
    return affine(graph, graph.pack(lanes), weights, bias)
