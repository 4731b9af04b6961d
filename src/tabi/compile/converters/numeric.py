"""Numbers to other numbers: thresholds, powers and products."""

from __future__ import annotations

import numpy as np
from sklearn.cluster import FeatureAgglomeration
from sklearn.preprocessing import Binarizer, PolynomialFeatures, PowerTransformer, StandardScaler

from tabi.compile.converters.scale import shifted_and_scaled
from tabi.compile.converters.trees import note_thresholds
from tabi.compile.graph import Graph, Lanes
from tabi.compile.operators import Array, affine, as_double, repeated
from tabi.compile.registry import converts, numbers_only, refuse

# powers of a column lose digits where they differ by less than this, or than this share of their mean
SMALLEST_SPREAD = 1e-5


@converts(Binarizer)
def _binarizer(binarizer: Binarizer, graph: Graph, lanes: Lanes, path: str) -> Lanes:
    values, threshold = graph.pack(numbers_only(binarizer, lanes, path)), float(binarizer.threshold)
    for i in range(len(lanes)):
        note_thresholds(graph, lanes, i, [threshold])
    return graph.lanes_of(as_double(graph, graph.add("Greater", [values, graph.constant(threshold)])), len(lanes))


@converts(PowerTransformer)
def _power_transformer(transformer: PowerTransformer, graph: Graph, lanes: Lanes, path: str) -> Lanes:
    values = graph.pack(numbers_only(transformer, lanes, path))
    powers = np.asarray(transformer.lambdas_, dtype=np.float64)
    logs = np.abs(powers) < 1e-4
    if transformer.method == "yeo-johnson":
        logs |= np.abs(2 - powers) < 1e-4
    if logs.any():
        column = int(np.argmax(logs))
        raise refuse(path, transformer, f"a logarithm (column {column})", "use QuantileTransformer or StandardScaler")
    if transformer.standardize and (small := _spreads_are_small(transformer._scaler)).any():
        column = int(np.argmax(small))
        raise refuse(path, transformer, f"a column ({column}) of very small spread", "put StandardScaler before it")
    power = _box_cox if transformer.method == "box-cox" else _yeo_johnson
    lanes = graph.lanes_of(power(graph, values, powers), len(lanes))
    if not transformer.standardize:
        return lanes
    return shifted_and_scaled(transformer, graph, lanes, path, transformer._scaler.mean_, transformer._scaler.scale_)


def _spreads_are_small(scaler: StandardScaler) -> Array:
    return np.asarray(scaler.scale_ < SMALLEST_SPREAD * np.maximum(1.0, np.abs(scaler.mean_)))


def _box_cox(graph: Graph, values: str, powers: Array) -> str:
    raised = graph.add("Sub", [graph.add("Pow", [values, graph.constant(powers[None, :])]), graph.constant(1.0)])
    return graph.add("Div", [raised, graph.constant(powers[None, :])])


def _yeo_johnson(graph: Graph, values: str, powers: Array) -> str:
    """Above zero a power of 1 + x, below the mirror image with the power 2 - λ."""
    positive = graph.add("GreaterOrEqual", [values, graph.constant(0.0)])
    above, below = graph.constant(powers[None, :]), graph.constant((2 - powers)[None, :])
    exponent = graph.add("Where", [positive, above, below])
    base = graph.add("Add", [graph.add("Abs", [values]), graph.constant(1.0)])
    raised = graph.add("Sub", [graph.add("Pow", [base, exponent]), graph.constant(1.0)])
    signed = graph.add("Where", [positive, above, graph.constant((powers - 2)[None, :])])
    return graph.add("Div", [raised, signed])


@converts(PolynomialFeatures)
def _polynomial(features: PolynomialFeatures, graph: Graph, lanes: Lanes, path: str) -> Lanes:
    """Products of as many factors as the degree; a column of ones stands for the factors that a product lacks."""
    values = graph.pack(numbers_only(features, lanes, path))
    width = len(lanes)
    factors = [[i for i, power in enumerate(row) for _ in range(power)] for row in features.powers_]
    degree = max(1, *(len(row) for row in factors))
    if any(len(row) < degree for row in factors):
        values = graph.add("Concat", [values, repeated(graph, lanes, [1.0])], axis=1)
    padded = np.array([row + [width] * (degree - len(row)) for row in factors], dtype=np.int64)
    product = graph.add("Gather", [values, graph.constant(padded[:, 0], np.int64)], axis=1)
    for place in range(1, degree):
        factor = graph.add("Gather", [values, graph.constant(padded[:, place], np.int64)], axis=1)
        product = graph.add("Mul", [product, factor])
    return graph.lanes_of(product, len(factors))


@converts(FeatureAgglomeration)
def _feature_agglomeration(cluster: FeatureAgglomeration, graph: Graph, lanes: Lanes, path: str) -> Lanes:
    if cluster.pooling_func is not np.mean:
        raise refuse(path, cluster, "pooling_func other than numpy.mean", "leave it")
    labels = cluster.labels_
    sums = np.eye(labels.max() + 1)[labels]
    total = affine(graph, graph.pack(numbers_only(cluster, lanes, path)), sums)
    return graph.lanes_of(graph.add("Div", [total, graph.constant(sums.sum(axis=0)[None, :])]), sums.shape[1])
