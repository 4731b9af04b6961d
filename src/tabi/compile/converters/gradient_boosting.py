"""HistGradientBoostingClassifier, native categories and missing values included."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import numpy_helper
from sklearn.ensemble import HistGradientBoostingClassifier

from tabi.compile.converters.trees import TreeEnsemble, note_thresholds
from tabi.compile.graph import ML, Graph, Lane, Lanes, Scores
from tabi.compile.registry import converts, refuse


@converts(HistGradientBoostingClassifier)
def _hist_gradient_boosting(estimator: HistGradientBoostingClassifier, graph: Graph, lanes: Lanes, path: str) -> Scores:
    if len(estimator.classes_) != 2:
        raise refuse(path, estimator, f"{len(estimator.classes_)} classes", "two classes are converted for now")
    ordered, categories = _own_order(estimator, graph, lanes)
    trees = TreeEnsemble(constant=float(estimator._baseline_prediction.ravel()[0]))
    for (predictor,) in estimator._predictors:
        _add_tree(trees, predictor, categories)
    _note(graph, ordered, estimator)
    decision = trees.add_to(graph, ordered)
    return Scores(probability=graph.sigmoid(decision), decision=decision)


def _own_order(
    estimator: HistGradientBoostingClassifier, graph: Graph, lanes: Lanes
) -> tuple[Lanes, list[npt.NDArray[np.float64]]]:
    """The lanes as the trees see them, categorical ones first, and each of those lanes' category values.

    The estimator recodes categories by their rank; the graph keeps the values and translates the trees instead.
    """
    if estimator.is_categorical_ is None:
        return lanes, []
    mask = estimator.is_categorical_
    encoder = estimator._preprocessor.named_transformers_["encoder"]
    known = [np.asarray(c, dtype=np.float64) for c in encoder.categories_] if mask.any() else []
    known = [c[~np.isnan(c)] for c in known]
    categorical = tuple(
        _known_or_missing(graph, lane, values)
        for lane, values in zip((lane for lane, m in zip(lanes, mask, strict=True) if m), known, strict=True)
    )
    return categorical + tuple(lane for lane, m in zip(lanes, mask, strict=True) if not m), known


def _known_or_missing(graph: Graph, lane: Lane, known: npt.NDArray[np.float64]) -> Lane:
    """The lane with every value that the estimator did not see at its fit made missing, as it does itself."""
    values = frozenset(known.tolist())
    if lane.codes is not None and {c for c in lane.codes if not np.isnan(c)} <= values:
        return lane
    recoded = graph.add(
        "LabelEncoder",
        [graph.pack((lane,))],
        domain=ML,
        keys_tensor=numpy_helper.from_array(known),
        values_tensor=numpy_helper.from_array(known),
        default_tensor=numpy_helper.from_array(np.array([np.nan])),
    )
    return Lane(recoded, 0, 1, codes=values)


def _add_tree(trees: TreeEnsemble, predictor: Any, categories: list[npt.NDArray[np.float64]]) -> None:
    nodes = predictor.nodes
    if nodes[0]["is_leaf"]:
        trees.constant += float(nodes[0]["value"])
        return
    ids: list[tuple[int, bool]] = []
    for node in nodes:
        if node["is_leaf"]:
            ids.append((trees.leaf(float(node["value"])), True))
            continue
        feature, missing_left = int(node["feature_idx"]), bool(node["missing_go_to_left"])
        if node["is_categorical"]:
            left = _set_bits(predictor.raw_left_cat_bitsets[node["bitset_idx"]], len(categories[feature]))
            ids.append((trees.member(feature, categories[feature][left].tolist(), missing_left), False))
        else:
            ids.append((trees.split(feature, float(node["num_threshold"]), missing_left), False))
    for node, (place, is_leaf) in zip(nodes, ids, strict=True):
        if not is_leaf:
            trees.branch(place, ids[node["left"]], ids[node["right"]])
    trees.roots.append(ids[0][0])


def _set_bits(bitset: npt.NDArray[np.uint32], count: int) -> list[int]:
    return [i for i in range(count) if bitset[i // 32] >> (i % 32) & 1]


def _note(graph: Graph, lanes: Lanes, estimator: HistGradientBoostingClassifier) -> None:
    for (predictor,) in estimator._predictors:
        nodes = predictor.nodes
        inner = nodes[(nodes["is_leaf"] == 0) & (nodes["is_categorical"] == 0)]
        for feature in np.unique(inner["feature_idx"]):
            chosen = inner["num_threshold"][inner["feature_idx"] == feature]
            note_thresholds(graph, lanes, int(feature), chosen.tolist())
