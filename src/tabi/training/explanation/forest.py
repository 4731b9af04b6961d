"""The trees of scikit-learn's estimators, collected for an explanation with what they saw at their fit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from tabi.explain import Trees
from tabi.explain.arrays import pack
from tabi.training.stages import Floats

LEAF = -1


@dataclass
class Forest:
    """Trees one after the other. `width`: numbers a leaf has. `narrow`: columns are rounded to float32 first."""

    width: int = 1
    narrow: bool = True
    categories: dict[int, tuple[float, ...]] = field(default_factory=dict)
    _parts: dict[str, list[npt.NDArray[Any]]] = field(default_factory=dict)
    _roots: list[int] = field(default_factory=list)
    _targets: list[int] = field(default_factory=list)
    _sets: list[npt.NDArray[np.uint8]] = field(default_factory=list)
    _count: int = 0

    def add(self, tree: Any, values: Floats, target: int = 0) -> None:
        """Add one of scikit-learn's plain trees. `values`: [nodes, width], what each node gives as a leaf."""
        is_leaf = tree.children_left == LEAF
        place = np.arange(tree.node_count)
        self._add_nodes(
            target,
            feature=np.where(is_leaf, -1, tree.feature),
            threshold=np.where(is_leaf, 0.0, tree.threshold),
            left=np.where(is_leaf, 0, tree.children_left - place),
            right=np.where(is_leaf, 0, tree.children_right - place),
            missing_left=np.where(is_leaf, 0, tree.missing_go_to_left),
            cover=tree.weighted_n_node_samples,
            value=np.where(is_leaf[:, None], values.reshape(-1, self.width), 0.0),
            splits=np.full(tree.node_count, -1),
        )

    def add_hist(self, predictor: Any, columns: npt.NDArray[np.int64], factor: float, target: int = 0) -> None:
        """Add a tree of HistGradientBoosting. `columns`: where each of its own columns stands among those it took."""
        nodes = predictor.nodes
        is_leaf = nodes["is_leaf"].astype(bool)
        categorical = nodes["is_categorical"].astype(bool) & ~is_leaf
        place = np.arange(len(nodes))
        splits = np.full(len(nodes), -1)
        splits[categorical] = len(self._sets) + np.arange(int(categorical.sum()))
        for index in nodes["bitset_idx"][categorical]:
            words = predictor.raw_left_cat_bitsets[index].astype("<u4")
            self._sets.append(np.frombuffer(words.tobytes(), dtype=np.uint8))
        self._add_nodes(
            target,
            feature=np.where(is_leaf, -1, columns[nodes["feature_idx"]]),
            threshold=np.where(is_leaf | categorical, 0.0, nodes["num_threshold"]),
            left=np.where(is_leaf, 0, nodes["left"].astype(np.int64) - place),
            right=np.where(is_leaf, 0, nodes["right"].astype(np.int64) - place),
            missing_left=np.where(is_leaf, 0, nodes["missing_go_to_left"]),
            cover=nodes["count"],
            value=np.where(is_leaf, nodes["value"] * factor, 0.0)[:, None],
            splits=splits,
        )

    def document(self) -> Trees:
        """All trees as they are written."""
        parts = {name: np.concatenate(values) for name, values in self._parts.items()}
        sets = np.concatenate(self._sets) if self._sets else np.empty(0, np.uint8)
        return Trees(
            nodes=self._count,
            width=self.width,
            trees=len(self._roots),
            narrow=self.narrow,
            feature=pack(parts["feature"], "int32"),
            threshold=pack(parts["threshold"], "float64"),
            left=pack(parts["left"], "int32"),
            right=pack(parts["right"], "int32"),
            missing_left=pack(parts["missing_left"], "uint8"),
            cover=pack(parts["cover"], "float64"),
            value=pack(parts["value"], "float64"),
            roots=pack(self._roots, "int32"),
            targets=pack(self._targets, "int32"),
            categories=self.categories,
            splits=pack(parts["splits"], "int32") if self._sets else b"",
            sets=pack(sets, "uint8"),
            sets_count=len(self._sets),
            words=len(self._sets[0]) if self._sets else 0,
        )

    def _add_nodes(self, target: int, **arrays: npt.NDArray[Any]) -> None:
        self._roots.append(self._count)
        self._targets.append(target)
        self._count += len(arrays["feature"])
        for name, values in arrays.items():
            self._parts.setdefault(name, []).append(values)
