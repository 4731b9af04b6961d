"""StandardScaler, in scikit-learn's own order of operations, so that results are equal to the last bit."""

from __future__ import annotations

import numpy as np
from sklearn.preprocessing import StandardScaler

from tabi.compile.graph import Graph, Lanes, Origin
from tabi.compile.registry import converts


@converts(StandardScaler)
def _standard_scaler(scaler: StandardScaler, graph: Graph, lanes: Lanes, path: str) -> Lanes:  # noqa: ARG001
    width = len(lanes)
    means = np.zeros(width) if scaler.mean_ is None or not scaler.with_mean else scaler.mean_
    scales = np.ones(width) if scaler.scale_ is None else scaler.scale_
    values = graph.pack(lanes)
    if scaler.with_mean:
        values = graph.add("Sub", [values, graph.constant(means[None, :])])
    if scaler.scale_ is not None:
        values = graph.add("Div", [values, graph.constant(scales[None, :])])
    origins = [
        Origin(o.column, o.shift + o.scale * float(means[i]), o.scale * float(scales[i])) if o else None
        for i, o in enumerate(lane.origin for lane in lanes)
    ]
    return graph.lanes_of(values, width, origins)
