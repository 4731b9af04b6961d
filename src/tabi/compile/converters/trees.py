"""A set of binary trees as one `TreeEnsemble` node of ai.onnx.ml 5, all in float64."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from onnx import numpy_helper

from tabi.compile.graph import ML, Graph, Lanes

BRANCH_LEQ = 0
BRANCH_MEMBER = 6
SUM = 1


@dataclass
class TreeEnsemble:
    """Collects nodes and leaves in the node's column-wise form. One target, leaves are summed."""

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
    roots: list[int] = field(default_factory=list)
    # what trees of a single leaf add to every row
    constant: float = 0.0

    def split(self, feature: int, threshold: float, missing_true: bool) -> int:
        """Add `x[feature] <= threshold`; its branches are set by `branch`."""
        return self._node(feature, threshold, BRANCH_LEQ, missing_true)

    def member(self, feature: int, values: list[float], missing_true: bool) -> int:
        """Add `x[feature] in values`; its branches are set by `branch`."""
        if not values:
            # the operator has no empty set; no category is as low as this
            return self.split(feature, -np.inf, missing_true)
        self.members.extend([*values, np.nan])
        return self._node(feature, 0.0, BRANCH_MEMBER, missing_true)

    def leaf(self, weight: float) -> int:
        """Add a leaf."""
        self.weights.append(weight)
        return len(self.weights) - 1

    def branch(self, node: int, true: tuple[int, bool], false: tuple[int, bool]) -> None:
        """Say where a node leads: (id, whether it is a leaf) if its test holds, and if not."""
        self.true_ids[node], self.true_leafs[node] = true[0], int(true[1])
        self.false_ids[node], self.false_leafs[node] = false[0], int(false[1])

    def add_to(self, graph: Graph, lanes: Lanes) -> str:
        """The sum of all trees for each row: float64[N, 1]."""
        if not self.roots:
            # no tree splits: only the number of rows matters
            rows = graph.add("Shape", [graph.pack(lanes[:1])])
            return graph.add("ConstantOfShape", [rows], value=numpy_helper.from_array(np.array([self.constant])))
        attributes: dict[str, object] = {}
        if self.members:
            attributes["membership_values"] = numpy_helper.from_array(np.array(self.members))
        total = graph.add(
            "TreeEnsemble",
            [graph.pack(lanes)],
            domain=ML,
            n_targets=1,
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
            leaf_targetids=[0] * len(self.weights),
            leaf_weights=numpy_helper.from_array(np.array(self.weights)),
            **attributes,
        )
        return graph.add("Add", [total, graph.constant(self.constant)]) if self.constant else total

    def _node(self, feature: int, threshold: float, mode: int, missing_true: bool) -> int:
        self.features.append(feature)
        self.splits.append(threshold)
        self.modes.append(mode)
        self.missing_true.append(int(missing_true))
        for ids in (self.true_ids, self.true_leafs, self.false_ids, self.false_leafs):
            ids.append(0)
        return len(self.features) - 1


def note_thresholds(graph: Graph, lanes: Lanes, feature: int, thresholds: list[float]) -> None:
    """Remember where a numeric input column is split, for the proof's rows at every threshold."""
    origin = lanes[feature].origin
    if origin is not None:
        seen = graph.thresholds.setdefault(origin.column, set())
        seen.update(t * origin.scale + origin.shift for t in thresholds)
