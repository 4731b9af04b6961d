"""Single trees, forests and what is made of their leaves. These trees read float32, so the graph rounds too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import TensorProto
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    RandomTreesEmbedding,
)
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor

from tabi.compile.converters.trees import TreeEnsemble, note_thresholds
from tabi.compile.graph import Graph, Lane, Lanes, Scores, Value
from tabi.compile.operators import Array, as_double, as_index, repeated
from tabi.compile.registry import converts, numbers_only, refuse

LEAF = -1
CLASSIFYING = (DecisionTreeClassifier, ExtraTreeClassifier)
REGRESSING = (DecisionTreeRegressor, ExtraTreeRegressor)


@converts(DecisionTreeClassifier, ExtraTreeClassifier, RandomForestClassifier, ExtraTreesClassifier)
def _forest_classifier(estimator: Any, graph: Graph, lanes: Lanes, path: str) -> Scores:
    if estimator.n_outputs_ != 1:
        raise refuse(path, estimator, "more than one target", "train one model a target")
    values = rounded(estimator, graph, lanes, path)
    members = getattr(estimator, "estimators_", [estimator])
    shares = [member.tree_.value[:, 0, :] / member.tree_.value[:, 0, :].sum(axis=1)[:, None] for member in members]
    trees = [member.tree_ for member in members]
    classes = shares[0].shape[1]
    if classes == 1:
        return Scores(repeated(graph, lanes, [1.0]), classes=1)
    if classes == 2:
        total = summed(graph, values, trees, [share[:, 1] for share in shares])
        return Scores(mean_of(graph, total, len(trees)))
    return Scores(_mean_rows(graph, values, trees, shares), classes=classes)


@converts(DecisionTreeRegressor, ExtraTreeRegressor, RandomForestRegressor, ExtraTreesRegressor)
def _forest_regressor(estimator: Any, graph: Graph, lanes: Lanes, path: str) -> Value:
    if estimator.n_outputs_ != 1:
        raise refuse(path, estimator, "more than one target", "train one model a target")
    values = rounded(estimator, graph, lanes, path)
    trees = [member.tree_ for member in getattr(estimator, "estimators_", [estimator])]
    return Value(mean_of(graph, summed(graph, values, trees, [tree.value[:, 0, 0] for tree in trees]), len(trees)))


@converts(RandomTreesEmbedding)
def _random_trees_embedding(estimator: RandomTreesEmbedding, graph: Graph, lanes: Lanes, path: str) -> Lanes:
    values = rounded(estimator, graph, lanes, path)
    trees = [member.tree_ for member in estimator.estimators_]
    leaves = leaf_numbers(graph, values, trees, [np.arange(tree.node_count, dtype=np.float64) for tree in trees])
    categories = estimator.one_hot_encoder_.categories_
    pairs = [(tree, float(leaf)) for tree, known in enumerate(categories) for leaf in known]
    chosen = graph.pack(tuple(Lane(leaves, tree, len(trees)) for tree, _ in pairs))
    equal = graph.add("Equal", [chosen, graph.constant([[leaf for _, leaf in pairs]])])
    return graph.lanes_of(as_double(graph, equal), len(pairs))


def rounded(estimator: Any, graph: Graph, lanes: Lanes, path: str) -> Lanes:
    """The lanes rounded to float32 as the trees of scikit-learn read them, still float64."""
    narrow = graph.add("Cast", [graph.pack(numbers_only(estimator, lanes, path))], to=TensorProto.FLOAT)
    return graph.lanes_of(as_double(graph, narrow), len(lanes), [lane.origin for lane in lanes])


def summed(graph: Graph, lanes: Lanes, trees: Sequence[Any], leaf_values: Sequence[Array]) -> str:
    """The sum over the trees of the value of the leaf that a row falls in: [N, 1]. Values are given by node."""
    ensemble = TreeEnsemble()
    for tree, values in zip(trees, leaf_values, strict=True):
        add_tree(ensemble, tree, values, 0, graph, lanes)
    return ensemble.add_to(graph, lanes)


def bagged(estimator: Any, graph: Graph, lanes: Lanes, path: str) -> str | None:
    """The mean of a bagging of single trees, [N, 1], as one node; None where it is made of anything else."""
    members = estimator.estimators_
    classify = all(type(m) in CLASSIFYING and len(m.classes_) == 2 and m.n_outputs_ == 1 for m in members)
    if not classify and not all(type(m) in REGRESSING and m.n_outputs_ == 1 for m in members):
        return None
    ensemble, values = TreeEnsemble(), rounded(estimator, graph, lanes, path)
    for member, columns in zip(members, estimator.estimators_features_, strict=True):
        value = member.tree_.value[:, 0, :]
        leaves = value[:, 1] / value.sum(axis=1) if classify else value[:, 0]
        add_tree(ensemble, member.tree_, leaves, 0, graph, values, columns)
    return mean_of(graph, ensemble.add_to(graph, values), len(members))


def leaf_numbers(graph: Graph, lanes: Lanes, trees: Sequence[Any], leaf_values: Sequence[Array]) -> str:
    """The value of the leaf that a row falls in, of each tree by itself: [N, trees]."""
    ensemble = TreeEnsemble(targets=len(trees))
    for target, (tree, values) in enumerate(zip(trees, leaf_values, strict=True)):
        add_tree(ensemble, tree, values, target, graph, lanes)
    return ensemble.add_to(graph, lanes)


def mean_of(graph: Graph, total: str, count: int) -> str:
    """A sum over `count` members as their mean."""
    return total if count == 1 else graph.add("Div", [total, graph.constant(float(count))])


def _mean_rows(graph: Graph, lanes: Lanes, trees: Sequence[Any], rows: Sequence[Array]) -> str:
    """The mean over the trees of the row of numbers at the leaf: the trees give leaf numbers, a table the rows."""
    starts = np.cumsum([0, *(len(values) for values in rows)])
    numbers = [starts[i] + np.arange(len(values), dtype=np.float64) for i, values in enumerate(rows)]
    leaves = as_index(graph, leaf_numbers(graph, lanes, trees, numbers))
    found = graph.add("Gather", [graph.constant(np.concatenate(rows)), leaves], axis=0)
    by_class = graph.add("Transpose", [found], perm=[0, 2, 1])
    total = graph.add("MatMul", [by_class, graph.constant(np.ones((len(trees), 1)))])
    return mean_of(graph, graph.add("Squeeze", [total, graph.constant([2], np.int64)]), len(trees))


def add_tree(
    ensemble: TreeEnsemble,
    tree: Any,
    values: Array,
    target: int,
    graph: Graph,
    lanes: Lanes,
    columns: Sequence[int] | None = None,
) -> None:
    """Add one of scikit-learn's trees, with a value for each of its nodes. `columns`: the lanes that it was given."""
    left, right = tree.children_left, tree.children_right
    if left[0] == LEAF:
        ensemble.constants[target] += float(values[0])
        return
    places: list[tuple[int, bool]] = []
    for node in range(tree.node_count):
        if left[node] == LEAF:
            places.append((ensemble.leaf(float(values[node]), target), True))
        else:
            feature, threshold = int(tree.feature[node]), float(tree.threshold[node])
            feature = feature if columns is None else int(columns[feature])
            note_thresholds(graph, lanes, feature, [threshold])
            places.append((ensemble.split(feature, threshold, bool(tree.missing_go_to_left[node])), False))
    for node, (place, is_leaf) in enumerate(places):
        if not is_leaf:
            ensemble.branch(place, places[left[node]], places[right[node]])
    ensemble.roots.append(places[0][0])
