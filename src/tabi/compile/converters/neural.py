"""Multi-layer perceptrons and the restricted Boltzmann machine."""

from __future__ import annotations

from typing import Any

from sklearn.neural_network import BernoulliRBM, MLPClassifier, MLPRegressor

from tabi.compile.graph import Graph, Lanes, Scores, Value
from tabi.compile.operators import affine, exp, softmax, tanh
from tabi.compile.registry import converts, numbers_only, refuse


@converts(MLPClassifier)
def _classifier(estimator: MLPClassifier, graph: Graph, lanes: Lanes, path: str) -> Scores:
    last = _layers(estimator, graph, lanes, path)
    if estimator.out_activation_ == "softmax":
        return Scores(softmax(graph, last, len(estimator.classes_)), classes=len(estimator.classes_))
    if len(estimator.classes_) != 2:
        raise refuse(path, estimator, "several targets", "train one model a target")
    return Scores(graph.sigmoid(last))


@converts(MLPRegressor)
def _regressor(estimator: MLPRegressor, graph: Graph, lanes: Lanes, path: str) -> Value:
    if estimator.n_outputs_ != 1:
        raise refuse(path, estimator, "several targets", "train one model a target")
    last = _layers(estimator, graph, lanes, path)
    return Value(exp(graph, last) if estimator.out_activation_ == "exp" else last)


def _layers(estimator: Any, graph: Graph, lanes: Lanes, path: str) -> str:
    current = graph.pack(numbers_only(estimator, lanes, path))
    layers = list(zip(estimator.coefs_, estimator.intercepts_, strict=True))
    for i, (weights, bias) in enumerate(layers):
        current = affine(graph, current, weights, bias)
        if i < len(layers) - 1:
            current = _activation(estimator.activation, graph, current)
    return current


def _activation(name: str, graph: Graph, tensor: str) -> str:
    if name == "relu":
        return graph.add("Relu", [tensor])
    if name == "tanh":
        return tanh(graph, tensor)
    return graph.sigmoid(tensor) if name == "logistic" else tensor


@converts(BernoulliRBM)
def _boltzmann(machine: BernoulliRBM, graph: Graph, lanes: Lanes, path: str) -> Lanes:
    values = graph.pack(numbers_only(machine, lanes, path))
    hidden = affine(graph, values, machine.components_.T, machine.intercept_hidden_)
    return graph.lanes_of(graph.sigmoid(hidden), len(machine.components_))
