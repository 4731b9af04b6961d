"""OneHotEncoder and OrdinalEncoder over texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from onnx import numpy_helper
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from tabi.compile.graph import ML, Graph, Lane, Lanes
from tabi.compile.registry import converts, refuse
from tabi.contract import category_of


@converts(OneHotEncoder)
def _one_hot_encoder(encoder: OneHotEncoder, graph: Graph, lanes: Lanes, path: str) -> Lanes:
    _need_texts(encoder, lanes, path)
    if encoder.handle_unknown != "ignore":
        raise refuse(path, encoder, f"handle_unknown={encoder.handle_unknown!r}", 'use handle_unknown="ignore"')
    if encoder.min_frequency is not None or encoder.max_categories is not None:
        raise refuse(path, encoder, "min_frequency or max_categories", "use OrdinalEncoder for such columns")
    dropped = encoder.drop_idx_ if encoder.drop_idx_ is not None else [None] * len(lanes)
    pairs = [
        (lanes[j], category_of(category))
        for j, categories in enumerate(encoder.categories_)
        for k, category in enumerate(categories)
        if k != dropped[j]
    ]
    if not pairs:
        return ()
    # one comparison for all columns: each lane repeated once a category, beside the row of all categories
    values = graph.pack(tuple(lane for lane, _ in pairs))
    equal = graph.add("Equal", [values, graph.constant([[text for _, text in pairs]], np.object_)])
    return graph.lanes_of(graph.add("Cast", [equal], to=_double()), len(pairs))


@converts(OrdinalEncoder)
def _ordinal_encoder(encoder: OrdinalEncoder, graph: Graph, lanes: Lanes, path: str) -> Lanes:
    _need_texts(encoder, lanes, path)
    if encoder.handle_unknown != "use_encoded_value":
        raise refuse(
            path, encoder, f"handle_unknown={encoder.handle_unknown!r}", 'use handle_unknown="use_encoded_value"'
        )
    codes = _codes(encoder)
    # the column's number before the text makes one dictionary serve all columns in two nodes
    prefixes = graph.constant([[f"{j}:" for j in range(len(lanes))]], np.object_)
    keys = [f"{j}:{text}" for j, column in enumerate(codes) for text in column]
    encoded = graph.add(
        "LabelEncoder",
        [graph.add("StringConcat", [prefixes, graph.pack(lanes)])],
        domain=ML,
        keys_tensor=numpy_helper.from_array(np.array(keys, dtype=np.object_)),
        values_tensor=numpy_helper.from_array(np.array([c for column in codes for c in column.values()], np.float64)),
        default_tensor=numpy_helper.from_array(np.array([encoder.unknown_value], dtype=np.float64)),
    )
    return tuple(
        Lane(encoded, j, len(lanes), codes=frozenset({*column.values(), float(encoder.unknown_value)}))
        for j, column in enumerate(codes)
    )


def _codes(encoder: OrdinalEncoder) -> list[dict[str, float]]:
    """The code of every category that each column knows, asked of the encoder itself.

    So infrequent categories that share a code, and a category for missing values, are whatever scikit-learn makes them.
    """
    longest = max(len(categories) for categories in encoder.categories_)
    asked = {
        j: np.resize(np.asarray(categories, dtype=object), longest) for j, categories in enumerate(encoder.categories_)
    }
    frame = pd.DataFrame(asked, dtype=object)
    frame.columns = getattr(encoder, "feature_names_in_", frame.columns)
    given = encoder.transform(frame if hasattr(encoder, "feature_names_in_") else frame.to_numpy(dtype=object))
    given = np.asarray(given, dtype=np.float64)
    return [
        {category_of(category): float(given[k, j]) for k, category in enumerate(categories)}
        for j, categories in enumerate(encoder.categories_)
    ]


def _need_texts(encoder: Any, lanes: Lanes, path: str) -> None:
    if not all(lane.text for lane in lanes):
        raise refuse(path, encoder, "numeric columns", "make the column categorical: columns.NAME.kind=categorical")


def _double() -> int:
    from onnx import TensorProto

    return int(TensorProto.DOUBLE)
