"""RandomForestClassifier: the mean of its trees' probabilities. Its trees read float32, so the graph rounds too."""

from __future__ import annotations

from typing import Any

from onnx import TensorProto
from sklearn.ensemble import RandomForestClassifier

from tabi.compile.converters.trees import TreeEnsemble, note_thresholds
from tabi.compile.graph import Graph, Lanes, Scores
from tabi.compile.registry import converts, refuse


@converts(RandomForestClassifier)
def _random_forest(estimator: RandomForestClassifier, graph: Graph, lanes: Lanes, path: str) -> Scores:
    if estimator.n_outputs_ != 1 or len(estimator.classes_) != 2:
        raise refuse(path, estimator, "other than two classes", "two classes are converted for now")
    rounded = graph.add("Cast", [graph.pack(lanes)], to=TensorProto.FLOAT)
    values = graph.add("Cast", [rounded], to=TensorProto.DOUBLE)
    trees = TreeEnsemble()
    for member in estimator.estimators_:
        _add_tree(trees, member.tree_, graph, lanes)
    total = trees.add_to(graph, graph.lanes_of(values, len(lanes)))
    return Scores(probability=graph.add("Div", [total, graph.constant(float(len(estimator.estimators_)))]))


def _add_tree(trees: TreeEnsemble, tree: Any, graph: Graph, lanes: Lanes) -> None:
    positive = tree.value[:, 0, 1] / tree.value[:, 0, :].sum(axis=1)
    left, right = tree.children_left, tree.children_right
    if left[0] == -1:
        trees.constant += float(positive[0])
        return
    ids: list[tuple[int, bool]] = []
    for node in range(tree.node_count):
        if left[node] == -1:
            ids.append((trees.leaf(float(positive[node])), True))
        else:
            feature, threshold = int(tree.feature[node]), float(tree.threshold[node])
            note_thresholds(graph, lanes, feature, [threshold])
            ids.append((trees.split(feature, threshold, bool(tree.missing_go_to_left[node])), False))
    for node, (place, is_leaf) in enumerate(ids):
        if not is_leaf:
            trees.branch(place, ids[left[node]], ids[right[node]])
    trees.roots.append(ids[0][0])
