"""Projections: numbers as products with a fixed matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import linalg
from sklearn.cross_decomposition import CCA, PLSSVD, PLSCanonical, PLSRegression
from sklearn.decomposition import (
    PCA,
    FactorAnalysis,
    FastICA,
    IncrementalPCA,
    MiniBatchSparsePCA,
    SparsePCA,
    TruncatedSVD,
)
from sklearn.neighbors import NeighborhoodComponentsAnalysis
from sklearn.random_projection import GaussianRandomProjection, SparseRandomProjection

from tabi.compile.graph import Graph, Lanes, Value
from tabi.compile.operators import Array, affine
from tabi.compile.registry import converts, numbers_only, refuse, transforms


@converts(PCA, IncrementalPCA)
def _pca(pca: Any, graph: Graph, lanes: Lanes, path: str) -> Lanes:
    projected = _product(pca, graph, lanes, path, pca.components_.T, -(pca.mean_ @ pca.components_.T))
    if not pca.whiten:
        return projected
    scale = np.sqrt(pca.explained_variance_)
    scale = np.maximum(scale, np.finfo(scale.dtype).eps)
    whitened = graph.add("Div", [graph.pack(projected), graph.constant(scale[None, :])])
    return graph.lanes_of(whitened, len(projected))


@converts(TruncatedSVD, GaussianRandomProjection, SparseRandomProjection, NeighborhoodComponentsAnalysis)
def _components(projection: Any, graph: Graph, lanes: Lanes, path: str) -> Lanes:
    components = projection.components_
    dense = components.toarray() if hasattr(components, "toarray") else components
    return _product(projection, graph, lanes, path, np.asarray(dense, dtype=np.float64).T)


@converts(FactorAnalysis)
def _factor_analysis(analysis: FactorAnalysis, graph: Graph, lanes: Lanes, path: str) -> Lanes:
    weighted = analysis.components_ / analysis.noise_variance_
    inverse = linalg.inv(np.eye(len(analysis.components_)) + weighted @ analysis.components_.T)
    return _centred_product(analysis, graph, lanes, path, analysis.mean_, weighted.T @ inverse)


@converts(FastICA)
def _fast_ica(ica: FastICA, graph: Graph, lanes: Lanes, path: str) -> Lanes:
    if not ica.whiten:
        return _product(ica, graph, lanes, path, ica.components_.T)
    return _centred_product(ica, graph, lanes, path, ica.mean_, ica.components_.T)


@converts(SparsePCA, MiniBatchSparsePCA)
def _sparse_pca(pca: Any, graph: Graph, lanes: Lanes, path: str) -> Lanes:
    """Its ridge regression of a row on the components has one solution, which is linear in the row."""
    inner = pca.components_ @ pca.components_.T
    inner.flat[:: len(inner) + 1] += pca.ridge_alpha
    weights = linalg.solve(inner, pca.components_, assume_a="pos").T
    return _centred_product(pca, graph, lanes, path, pca.mean_, weights)


@converts(PLSSVD)
@transforms(PLSRegression, PLSCanonical, CCA)
def _partial_least_squares(pls: Any, graph: Graph, lanes: Lanes, path: str) -> Lanes:
    weights = pls.x_weights_ if isinstance(pls, PLSSVD) else pls.x_rotations_
    return _centred_product(pls, graph, lanes, path, pls._x_mean, weights / pls._x_std[:, None])


@converts(PLSRegression, PLSCanonical, CCA)
def _partial_least_squares_regression(pls: Any, graph: Graph, lanes: Lanes, path: str) -> Value:
    if len(pls.coef_) != 1:
        raise refuse(path, pls, "more than one target", "train one model a target")
    centred = _centred_product(pls, graph, lanes, path, pls._x_mean, pls.coef_.T)
    return Value(graph.add("Add", [graph.pack(centred), graph.constant(pls.intercept_[None, :])]))


def _product(step: Any, graph: Graph, lanes: Lanes, path: str, weights: Array, bias: Array | None = None) -> Lanes:
    values = graph.pack(numbers_only(step, lanes, path))
    return graph.lanes_of(affine(graph, values, weights, bias), weights.shape[1])


def _centred_product(step: Any, graph: Graph, lanes: Lanes, path: str, mean: Array, weights: Array) -> Lanes:
    values = graph.add("Sub", [graph.pack(numbers_only(step, lanes, path)), graph.constant(mean[None, :])])
    return graph.lanes_of(affine(graph, values, weights), weights.shape[1])
