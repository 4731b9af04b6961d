"""HistGradientBoosting, native categories and missing values included."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from onnx import numpy_helper
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from tabi.compile.converters.trees import TreeEnsemble, note_thresholds
from tabi.compile.graph import ML, Graph, Lane, Lanes, Scores, Value
from tabi.compile.operators import exp, from_decision
from tabi.compile.registry import converts, numbers_only

HistGradient: TypeAlias = HistGradientBoostingClassifier | HistGradientBoostingRegressor


@converts(HistGradientBoostingClassifier)
def _hist_classifier(estimator: HistGradientBoostingClassifier, graph: Graph, lanes: Lanes, path: str) -> Scores:
    raw = _raw(estimator, graph, numbers_only(estimator, lanes, path))
    return from_decision(graph, raw, len(estimator.classes_))


@converts(HistGradientBoostingRegressor)
def _hist_regressor(estimator: HistGradientBoostingRegressor, graph: Graph, lanes: Lanes, path: str) -> Value:
    raw = _raw(estimator, graph, numbers_only(estimator, lanes, path))
    return Value(exp(graph, raw) if estimator.loss in ("poisson", "gamma") else raw)


def _raw(estimator: HistGradient, graph: Graph, lanes: Lanes) -> str:
    """Baseline and leaves summed, before the link: [N, 1], or a column a class."""
    ordered, categories = _own_order(estimator, graph, lanes)
    baseline = estimator._baseline_prediction.ravel().astype(np.float64).tolist()
    trees = TreeEnsemble(targets=len(baseline), constants=baseline)
    for iteration in estimator._predictors:
        for target, predictor in enumerate(iteration):
            _add_tree(trees, predictor, categories, target)
    _note(graph, ordered, estimator)
    return trees.add_to(graph, ordered)


def _own_order(estimator: HistGradient, graph: Graph, lanes: Lanes) -> tuple[Lanes, list[npt.NDArray[np.float64]]]:
    """The lanes as the trees see them, categorical ones first, and each of those lanes' category values.

    The estimator recodes categories by their rank; the graph keeps the values and translates the trees instead, unless
    they are no whole numbers, which ONNX Runtime does not tell apart in a set.
    """
    if estimator.is_categorical_ is None:
        return lanes, []
    mask = estimator.is_categorical_
    encoder = estimator._preprocessor.named_transformers_["encoder"]
    known = [np.asarray(c, dtype=np.float64) for c in encoder.categories_] if mask.any() else []
    known = [c[~np.isnan(c)] for c in known]
    kept = [values if _are_whole(values) else np.arange(1.0, len(values) + 1) for values in known]
    chosen = [lane for lane, m in zip(lanes, mask, strict=True) if m]
    categorical = tuple(_known_or_missing(graph, *of) for of in zip(chosen, known, kept, strict=True))
    return categorical + tuple(lane for lane, m in zip(lanes, mask, strict=True) if not m), kept


def _are_whole(values: npt.NDArray[np.float64]) -> bool:
    return bool(np.all((values == np.rint(values)) & (np.abs(values) < 2**31)))


def _known_or_missing(graph: Graph, lane: Lane, known: npt.NDArray[np.float64], kept: npt.NDArray[np.float64]) -> Lane:
    """The lane with its `known` values as they are `kept`, and every value that the estimator did not see at its fit
    made missing, as it does itself.
    """
    values = frozenset(kept.tolist())
    same = known is kept
    if same and lane.codes is not None and {c for c in lane.codes if not np.isnan(c)} <= values:
        return lane
    recoded = graph.add(
        "LabelEncoder",
        [graph.pack((lane,))],
        domain=ML,
        keys_tensor=numpy_helper.from_array(known),
        values_tensor=numpy_helper.from_array(kept),
        default_tensor=numpy_helper.from_array(np.array([np.nan])),
    )
    return Lane(recoded, 0, 1, codes=values)


def _add_tree(trees: TreeEnsemble, predictor: Any, categories: list[npt.NDArray[np.float64]], target: int) -> None:
    nodes = predictor.nodes
    if nodes[0]["is_leaf"]:
        trees.constants[target] += float(nodes[0]["value"])
        return
    ids: list[tuple[int, bool]] = []
    for node in nodes:
        if node["is_leaf"]:
            ids.append((trees.leaf(float(node["value"]), target), True))
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


def _note(graph: Graph, lanes: Lanes, estimator: HistGradient) -> None:
    for predictor in (predictor for iteration in estimator._predictors for predictor in iteration):
        nodes = predictor.nodes
        inner = nodes[(nodes["is_leaf"] == 0) & (nodes["is_categorical"] == 0)]
        for feature in np.unique(inner["feature_idx"]):
            chosen = inner["num_threshold"][inner["feature_idx"] == feature]
            note_thresholds(graph, lanes, int(feature), chosen.tolist())
