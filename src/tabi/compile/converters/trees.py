"""A set of binary trees as one `TreeEnsemble` node of ai.onnx.ml 5, all in float64."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from onnx import numpy_helper

from tabi.compile.graph import ML, Graph, Lanes
from tabi.compile.operators import Array, repeated

BRANCH_LEQ = 0
BRANCH_LT = 1
BRANCH_MEMBER = 6
SUM = 1
Place = tuple[int, bool]  # a node or leaf by its number, and whether it is a leaf


@dataclass
class TreeEnsemble:
    """Collects nodes and leaves in the node's column-wise form. The leaves of each target are summed."""

    targets: int = 1
    features: list[int] = field(default_factory=list)
    splits: list[float] = field(default_factory=list)
    modes: list[int] = field(default_factory=list)
    missing_true: list[int] = field(default_factory=list)
    true_ids: list[int] = field(default_factory=list)
    true_leafs: list[int] = field(default_factory=list)
    false_ids: list[int] = field(default_factory=list)
    false_leafs: list[int] = field(default_factory=list)
    members: list[float] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    leaf_targets: list[int] = field(default_factory=list)
    roots: list[int] = field(default_factory=list)
    # what trees of a single leaf add to every row, by target
    constants: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.constants = self.constants or [0.0] * self.targets

    def split(self, feature: int, threshold: float, missing_true: bool) -> int:
        """Add `x[feature] <= threshold`; its branches are set by `branch`."""
        return self._node(feature, threshold, BRANCH_LEQ, missing_true)

    def below(self, feature: int, threshold: float) -> int:
        """Add `x[feature] < threshold`; its branches are set by `branch`."""
        return self._node(feature, threshold, BRANCH_LT, missing_true=True)

    def member(self, feature: int, values: list[float], missing_true: bool) -> int:
        """Add `x[feature] in values`; its branches are set by `branch`."""
        if not values:
            # the operator has no empty set; no category is as low as this
            return self.split(feature, -np.inf, missing_true)
        self.members.extend([*values, np.nan])
        return self._node(feature, 0.0, BRANCH_MEMBER, missing_true)

    def leaf(self, weight: float, target: int = 0) -> int:
        """Add a leaf."""
        self.weights.append(weight)
        self.leaf_targets.append(target)
        return len(self.weights) - 1

    def branch(self, node: int, true: Place, false: Place) -> None:
        """Say where a node leads if its test holds, and if not."""
        self.true_ids[node], self.true_leafs[node] = true[0], int(true[1])
        self.false_ids[node], self.false_leafs[node] = false[0], int(false[1])

    def add_to(self, graph: Graph, lanes: Lanes) -> str:
        """The sum of all trees for each row and target: float64[N, targets]."""
        if not self.roots:
            # no tree splits: only the number of rows matters
            return repeated(graph, lanes, self.constants)
        weights, rest = self._weights()
        attributes: dict[str, object] = {}
        if self.members:
            attributes["membership_values"] = numpy_helper.from_array(np.array(self.members))
        total = graph.add(
            "TreeEnsemble",
            [graph.pack(lanes)],
            domain=ML,
            n_targets=self.targets,
            aggregate_function=SUM,
            post_transform=0,
            tree_roots=self.roots,
            nodes_featureids=self.features,
            nodes_splits=numpy_helper.from_array(np.array(self.splits)),
            nodes_modes=numpy_helper.from_array(np.array(self.modes, dtype=np.uint8)),
            nodes_missing_value_tracks_true=self.missing_true,
            nodes_truenodeids=self.true_ids,
            nodes_trueleafs=self.true_leafs,
            nodes_falsenodeids=self.false_ids,
            nodes_falseleafs=self.false_leafs,
            leaf_targetids=self.leaf_targets,
            leaf_weights=numpy_helper.from_array(weights),
            **attributes,
        )
        return graph.add("Add", [total, graph.constant([rest])]) if any(rest) else total

    def _weights(self) -> tuple[Array, list[float]]:
        """The leaves, with the constant of a target in those of its first tree, and the constants that are left.

        Boosting adds its constant first, so the sum is then the estimator's own to the last bit, and no node adds it.
        """
        weights, rest = np.array(self.weights), list(self.constants)
        for root in self.roots:
            if not any(rest):
                break
            leaves = self._leaves(root)
            target = self.leaf_targets[leaves[0]]
            if rest[target] and all(self.leaf_targets[leaf] == target for leaf in leaves):
                weights[leaves] += rest[target]
                rest[target] = 0.0
        return weights, rest

    def _leaves(self, root: int) -> list[int]:
        found, stack = [], [(root, False)]
        while stack:
            place, is_leaf = stack.pop()
            if is_leaf:
                found.append(place)
            else:
                stack.append((self.true_ids[place], bool(self.true_leafs[place])))
                stack.append((self.false_ids[place], bool(self.false_leafs[place])))
        return found

    def _node(self, feature: int, threshold: float, mode: int, missing_true: bool) -> int:
        self.features.append(feature)
        self.splits.append(threshold)
        self.modes.append(mode)
        self.missing_true.append(int(missing_true))
        for ids in (self.true_ids, self.true_leafs, self.false_ids, self.false_leafs):
            ids.append(0)
        return len(self.features) - 1


def count_below(graph: Graph, lanes: Lanes, edges: Sequence[Sequence[float]], *, or_equal: bool) -> str:
    """How many of the sorted edges of its lane each value is above, or also at: float64[N, lanes].

    One node searches all lanes by halving. A missing value is above none.
    """
    trees = TreeEnsemble(targets=len(lanes))
    for lane, values in enumerate(edges):
        distinct, counts = np.unique(np.asarray(values, dtype=np.float64), return_counts=True)
        if len(distinct):
            place = _search(trees, lane, distinct, np.concatenate([[0], np.cumsum(counts)]), or_equal)
            trees.roots.append(place[0])
    return trees.add_to(graph, lanes)


def _search(trees: TreeEnsemble, lane: int, edges: Array, counts: Array, or_equal: bool) -> Place:
    if not len(edges):
        return trees.leaf(float(counts[0]), lane), True
    middle = len(edges) // 2
    edge = float(edges[middle])
    node = trees.below(lane, edge) if or_equal else trees.split(lane, edge, missing_true=True)
    left = _search(trees, lane, edges[:middle], counts[: middle + 1], or_equal)
    trees.branch(node, left, _search(trees, lane, edges[middle + 1 :], counts[middle + 1 :], or_equal))
    return node, False


def note_thresholds(graph: Graph, lanes: Lanes, feature: int, thresholds: Sequence[float]) -> None:
    """Remember where a numeric input column is split, for the proof's rows at every threshold."""
    origin = lanes[feature].origin
    if origin is not None:
        seen = graph.thresholds.setdefault(origin.column, set())
        # a split of missing values from all others stands at infinity, which no row holds
        seen.update(t * origin.scale + origin.shift for t in thresholds if np.isfinite(t))
