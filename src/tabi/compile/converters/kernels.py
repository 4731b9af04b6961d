"""Kernels between a row and the rows of the fit, and the estimators that use them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.decomposition import KernelPCA
from sklearn.kernel_approximation import Nystroem, RBFSampler
from sklearn.kernel_ridge import KernelRidge
from sklearn.svm import SVC, SVR, NuSVC, NuSVR

from tabi.compile.converters.scale import centred
from tabi.compile.graph import Graph, Lanes, Scores, Value
from tabi.compile.operators import Array, affine, cos, exp, row_sum, tanh
from tabi.compile.registry import converts, numbers_only, refuse

# what a kernel may lose to rounding, in the result
LARGEST_LOSS = 1e-10


@converts(SVC, NuSVC)
def _support_vector_classifier(estimator: Any, graph: Graph, lanes: Lanes, path: str) -> Scores:
    if len(estimator.classes_) != 2:
        raise refuse(path, estimator, f"{len(estimator.classes_)} classes", "use LinearSVC or LogisticRegression")
    # its own probabilities end an iteration at a tolerance: only the decision is exact
    return Scores(None, _support_vectors(estimator, graph, lanes, path))


@converts(SVR, NuSVR)
def _support_vector_regressor(estimator: Any, graph: Graph, lanes: Lanes, path: str) -> Value:
    return Value(_support_vectors(estimator, graph, lanes, path))


def _support_vectors(estimator: Any, graph: Graph, lanes: Lanes, path: str) -> str:
    options = {"gamma": estimator._gamma, "degree": estimator.degree, "coef0": estimator.coef0}
    weights, rows = np.asarray(estimator.dual_coef_, dtype=np.float64).T, estimator.support_vectors_
    answer = estimator.decision_function if isinstance(estimator, SVC | NuSVC) else estimator.predict
    with warnings.catch_warnings():
        # it says that these rows, which are its own, have no column names
        warnings.simplefilter("ignore", UserWarning)
        largest = max(1.0, float(np.abs(answer(rows)).max()))
    kernel = _Kernel(estimator.kernel, rows, options, np.abs(weights).sum() / largest)
    return affine(graph, _kernel(estimator, kernel, graph, lanes, path), weights, estimator.intercept_)


@converts(KernelRidge)
def _kernel_ridge(estimator: KernelRidge, graph: Graph, lanes: Lanes, path: str) -> Value:
    weights = estimator.dual_coef_.reshape(len(estimator.X_fit_), -1)
    if weights.shape[1] != 1:
        raise refuse(path, estimator, "more than one target", "train one model a target")
    kernel = _Kernel(estimator.kernel, estimator.X_fit_, _options(estimator), np.abs(weights).sum())
    return Value(affine(graph, _kernel(estimator, kernel, graph, lanes, path), weights))


@converts(KernelPCA)
def _kernel_pca(pca: KernelPCA, graph: Graph, lanes: Lanes, path: str) -> Lanes:
    options = _options(pca) | {"gamma": pca.gamma_}
    used = pca.eigenvalues_ > 0
    scaled = np.zeros_like(pca.eigenvectors_)
    scaled[:, used] = pca.eigenvectors_[:, used] / np.sqrt(pca.eigenvalues_[used])
    kernel = _Kernel(pca.kernel, pca.X_fit_, options, np.abs(scaled).sum(axis=0).max())
    centre = centred(pca._centerer, graph, _kernel(pca, kernel, graph, lanes, path))
    return graph.lanes_of(affine(graph, centre, scaled), scaled.shape[1])


@converts(Nystroem)
def _nystroem(sampler: Nystroem, graph: Graph, lanes: Lanes, path: str) -> Lanes:
    weights = np.asarray(sampler.normalization_, dtype=np.float64).T
    loss = np.abs(weights).sum(axis=0).max()
    kernel = _Kernel(sampler.kernel, sampler.components_, _options(sampler), loss)
    product = affine(graph, _kernel(sampler, kernel, graph, lanes, path), weights)
    return graph.lanes_of(product, weights.shape[1])


@converts(RBFSampler)
def _rbf_sampler(sampler: RBFSampler, graph: Graph, lanes: Lanes, path: str) -> Lanes:
    values = graph.pack(numbers_only(sampler, lanes, path))
    angle = affine(graph, values, sampler.random_weights_, sampler.random_offset_)
    width = len(sampler.random_offset_)
    scale = np.sqrt(2.0 / width)
    return graph.lanes_of(graph.add("Mul", [cos(graph, angle), graph.constant(scale)]), width)


def _options(estimator: Any) -> dict[str, Any]:
    own = {name: getattr(estimator, name) for name in ("gamma", "degree", "coef0")}
    defaults = {"degree": 3, "coef0": 1}
    return own | {name: default for name, default in defaults.items() if own[name] is None}


@dataclass(frozen=True)
class _Kernel:
    """The kernel of a step with the rows of its fit. `weight` is what a loss in it counts in the result."""

    name: Any
    rows: Array
    options: dict[str, Any]
    weight: float = 1.0


def _kernel(step: Any, kernel: _Kernel, graph: Graph, lanes: Lanes, path: str) -> str:
    """Between each row and the kernel's rows: [N, rows]."""
    values, rows = graph.pack(numbers_only(step, lanes, path)), np.asarray(kernel.rows, dtype=np.float64)
    gamma = 1.0 / rows.shape[1] if kernel.options["gamma"] is None else float(kernel.options["gamma"])
    start, degree = float(kernel.options["coef0"]), float(kernel.options["degree"])
    size = float((rows**2).sum(axis=1).max())
    if kernel.name == "linear":
        _need_digits(step, kernel, size, path)
        return affine(graph, values, rows.T)
    if kernel.name == "cosine":
        _need_digits(step, kernel, 1.0, path)
        return _cosine(graph, values, rows)
    if kernel.name in ("poly", "polynomial"):
        _need_digits(step, kernel, (gamma * size + abs(start)) ** degree, path)
        raised = affine(graph, values, gamma * rows.T, np.full(len(rows), start))
        return graph.add("Pow", [raised, graph.constant(degree)])
    if kernel.name == "sigmoid":
        _need_digits(step, kernel, 1.0, path)
        return tanh(graph, affine(graph, values, gamma * rows.T, np.full(len(rows), start)))
    if kernel.name != "rbf":
        raise refuse(path, step, f"kernel={kernel.name!r}", "use linear, poly, rbf, sigmoid or cosine")
    _need_digits(step, kernel, 1.0 + gamma * size, path)
    own = row_sum(graph, graph.add("Mul", [values, values]), len(lanes))
    distance = graph.add("Add", [affine(graph, values, -2.0 * rows.T, (rows**2).sum(axis=1)), own])
    distance = graph.add("Max", [distance, graph.constant(0.0)])
    return exp(graph, graph.add("Mul", [distance, graph.constant(-gamma)]))


def _need_digits(step: Any, kernel: _Kernel, size: float, path: str) -> None:
    """Refuse a kernel of which rounding alone would be seen in the result. `size`: the largest of its numbers."""
    if size * kernel.weight * np.finfo(np.float64).eps > LARGEST_LOSS:
        advice = "put StandardScaler before it, or use fewer components"
        raise refuse(path, step, f"kernel={kernel.name!r} over numbers where rounding decides", advice)


def _cosine(graph: Graph, values: str, rows: Array) -> str:
    norms = np.sqrt((rows**2).sum(axis=1))
    own = graph.add("Sqrt", [row_sum(graph, graph.add("Mul", [values, values]), rows.shape[1])])
    own = graph.add("Where", [graph.add("Equal", [own, graph.constant(0.0)]), graph.constant(1.0), own])
    return affine(graph, graph.add("Div", [values, own]), (rows / np.where(norms == 0, 1.0, norms)[:, None]).T)
