"""FeatureHasher over columns of strings.

ONNX Runtime's MurmurHash3 is the hash that scikit-learn takes: 32 bits of the UTF-8 bytes, with seed 0. A column's
number and sign are whole numbers computed from it, so that the graph is exact for every text.
"""

from __future__ import annotations

import numpy as np
from onnx import numpy_helper
from sklearn.feature_extraction import FeatureHasher

from tabi.compile.graph import CONTRIB, Graph, Lanes
from tabi.compile.operators import as_index
from tabi.compile.registry import converts, refuse

# the graph holds all columns of a row at once, 128 KB at this width
LARGEST_WIDTH = 2**14


@converts(FeatureHasher)
def _feature_hasher(hasher: FeatureHasher, graph: Graph, lanes: Lanes, path: str) -> Lanes:
    _refuse_inexact(hasher, lanes, path)
    texts = graph.pack(lanes)
    hashes = as_index(graph, graph.add("MurmurHash3", [texts], domain=CONTRIB, seed=0, positive=0))
    # in 64 bits the lowest of the 32-bit numbers has an absolute value too, the one that scikit-learn counts with
    places = graph.add("Mod", [graph.add("Abs", [hashes]), graph.constant(hasher.n_features, np.int64)])
    one = graph.constant(1.0)
    if hasher.alternate_sign:
        below = graph.add("Less", [hashes, graph.constant(0, np.int64)])
        values = graph.add("Where", [below, graph.constant(-1.0), one])
    else:
        values = graph.add("Expand", [one, graph.add("Shape", [texts])])
    rows = graph.add("Shape", [texts], start=0, end=1)
    shape = graph.add("Concat", [rows, graph.constant([hasher.n_features], np.int64)], axis=0)
    zeros = graph.add("ConstantOfShape", [shape], value=numpy_helper.from_array(np.zeros(1)))
    # several texts of a row may share a place; sums of ones are the same in any order
    added = graph.add("ScatterElements", [zeros, places, values], axis=1, reduction="add")
    return graph.lanes_of(added, hasher.n_features)


def _refuse_inexact(hasher: FeatureHasher, lanes: Lanes, path: str) -> None:
    if hasher.input_type != "string":
        raise refuse(path, hasher, f"input_type={hasher.input_type!r}", 'use input_type="string" over columns of texts')
    if np.dtype(hasher.dtype) != np.float64:
        raise refuse(path, hasher, f"dtype={np.dtype(hasher.dtype)}", "leave it float64")
    if hasher.n_features > LARGEST_WIDTH:
        raise refuse(path, hasher, f"n_features={hasher.n_features}", f"use {LARGEST_WIDTH} or fewer")
    if not all(lane.text for lane in lanes):
        raise refuse(path, hasher, "columns of numbers", "give it columns of texts only")
