"""Scalers, in scikit-learn's own order of operations, so that results are equal to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.preprocessing import KernelCenterer, MaxAbsScaler, MinMaxScaler, Normalizer, RobustScaler, StandardScaler

from tabi.compile.graph import Graph, Lanes, Origin
from tabi.compile.operators import Array, clip, row_sum
from tabi.compile.registry import converts, numbers_only


@converts(StandardScaler)
def _standard_scaler(scaler: StandardScaler, graph: Graph, lanes: Lanes, path: str) -> Lanes:
    return shifted_and_scaled(scaler, graph, lanes, path, scaler.mean_ if scaler.with_mean else None, scaler.scale_)


@converts(RobustScaler)
def _robust_scaler(scaler: RobustScaler, graph: Graph, lanes: Lanes, path: str) -> Lanes:
    return shifted_and_scaled(scaler, graph, lanes, path, scaler.center_, scaler.scale_)


@converts(MaxAbsScaler)
def _max_abs_scaler(scaler: MaxAbsScaler, graph: Graph, lanes: Lanes, path: str) -> Lanes:
    scaled = shifted_and_scaled(scaler, graph, lanes, path, None, scaler.scale_)
    if not scaler.clip:
        return scaled
    return graph.lanes_of(clip(graph, graph.pack(scaled), -1.0, 1.0), len(lanes), [lane.origin for lane in scaled])


def shifted_and_scaled(
    scaler: Any, graph: Graph, lanes: Lanes, path: str, shift: Array | None, scale: Array | None
) -> Lanes:
    """`(x - shift) / scale`, with where each lane comes from."""
    values = graph.pack(numbers_only(scaler, lanes, path))
    if shift is not None:
        values = graph.add("Sub", [values, graph.constant(shift[None, :])])
    if scale is not None:
        values = graph.add("Div", [values, graph.constant(scale[None, :])])
    width = len(lanes)
    shifts = np.zeros(width) if shift is None else shift
    return graph.lanes_of(values, width, _origins(lanes, shifts, np.ones(width) if scale is None else scale))


def _origins(lanes: Lanes, shifts: Array, scales: Array) -> list[Origin | None]:
    return [
        Origin(o.column, o.shift + o.scale * float(shift), o.scale * float(scale)) if o else None
        for o, shift, scale in zip((lane.origin for lane in lanes), shifts, scales, strict=True)
    ]


@converts(MinMaxScaler)
def _min_max_scaler(scaler: MinMaxScaler, graph: Graph, lanes: Lanes, path: str) -> Lanes:
    values = graph.pack(numbers_only(scaler, lanes, path))
    values = graph.add("Mul", [values, graph.constant(scaler.scale_[None, :])])
    values = graph.add("Add", [values, graph.constant(scaler.min_[None, :])])
    if scaler.clip:
        values = clip(graph, values, *(float(bound) for bound in scaler.feature_range))
    return graph.lanes_of(values, len(lanes), _origins(lanes, -scaler.min_ / scaler.scale_, 1.0 / scaler.scale_))


@converts(Normalizer)
def _normalizer(normalizer: Normalizer, graph: Graph, lanes: Lanes, path: str) -> Lanes:
    values = graph.pack(numbers_only(normalizer, lanes, path))
    if normalizer.norm == "max":
        size = graph.add("ReduceMax", [graph.add("Abs", [values]), graph.constant([1], np.int64)], keepdims=1)
    elif normalizer.norm == "l1":
        size = row_sum(graph, graph.add("Abs", [values]), len(lanes))
    else:
        size = graph.add("Sqrt", [row_sum(graph, graph.add("Mul", [values, values]), len(lanes))])
    # scikit-learn divides by 1 where a norm is less than ten times the smallest step of a float
    tiny = graph.add("Less", [size, graph.constant(10 * np.finfo(np.float64).eps)])
    size = graph.add("Where", [tiny, graph.constant(1.0), size])
    return graph.lanes_of(graph.add("Div", [values, size]), len(lanes))


@converts(KernelCenterer)
def _kernel_centerer(centerer: KernelCenterer, graph: Graph, lanes: Lanes, path: str) -> Lanes:
    return graph.lanes_of(centred(centerer, graph, graph.pack(numbers_only(centerer, lanes, path))), len(lanes))


def centred(centerer: KernelCenterer, graph: Graph, kernel: str) -> str:
    """A kernel matrix [N, fitted rows] with the means of the fit taken out."""
    means = centerer.K_fit_rows_
    own = graph.add("Div", [row_sum(graph, kernel, len(means)), graph.constant(float(len(means)))])
    kernel = graph.add("Sub", [kernel, graph.constant(means[None, :])])
    return graph.add("Add", [graph.add("Sub", [kernel, own]), graph.constant(float(centerer.K_fit_all_))])
