"""Trees for many rows at once: table look-ups and bit masks in place of a walk from node to node.

A tree's leaves are numbered from left, where a node's left is its true side. A node whose question is false rules out
the leaves on its left. What the questions about one feature rule out depends on that feature alone, so it is looked up
by the place of the row's value among the feature's thresholds; of the leaves that no feature rules out, the row's is
the first. The sum goes over the trees in their order, as ONNX Runtime adds them: it has the same bits.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tabi.bundle.split import Attributes

Floats = npt.NDArray[np.float64]
Masks = npt.NDArray[Any]

# rows at a time: what is worked on stays in the cache
_BLOCK = 1024
_NARROW = 16
_MOST_BYTES = 64 * 1024 * 1024
_LEQ, _MEMBER = 0, 6


class _Lookup(NamedTuple):
    """A feature's values of note, ascending, and masks: below the first, at it, between it and the next …, missing."""

    values: Floats
    masks: Masks


class Forest:
    """Sums of leaves of float64[N, F], bit by bit as a `TreeEnsemble` of one target computes them on one thread."""

    def __init__(self, lookups: dict[int, _Lookup], weights: Floats) -> None:
        self._lookups = lookups
        self._weights = weights.ravel()
        trees, leaves = weights.shape
        self._first = np.arange(trees) * leaves
        self._dtype = next(iter(lookups.values())).masks.dtype

    @classmethod
    def of(cls, trees: Attributes) -> Forest | None:
        """The forest; None if it asks in other ways than `<=` and `in`, has over 64 leaves a tree, or is too large."""
        plain = trees["n_targets"] == [1] and trees.get("post_transform", [0]) == [0]
        known = set(np.unique(trees["nodes_modes"]).tolist()) <= {_LEQ, _MEMBER}
        if not plain or trees.get("aggregate_function", [1]) != [1] or not known:
            return None
        return _Builder(trees).forest()

    def sums(self, features: Floats) -> Floats:
        """float64[N]."""
        count = len(features)
        places = {feature: _places(lookup, features[:, feature]) for feature, lookup in self._lookups.items()}
        found = np.empty(count)
        masks, more = (np.empty((min(_BLOCK, count), len(self._first)), self._dtype) for _ in range(2))
        for start in range(0, count, _BLOCK):
            size = min(_BLOCK, count - start)
            left = into = masks[:size]
            for feature, lookup in self._lookups.items():
                np.take(lookup.masks, places[feature][start : start + size], axis=0, out=into, mode="clip")
                if into is left:
                    into = more[:size]
                else:
                    np.bitwise_and(left, into, out=left)
            leaves = self._weights.take((_first_bit(left) + self._first).T, mode="clip")
            found[start : start + size] = _in_order(leaves)
        return found


def _places(lookup: _Lookup, values: Floats) -> npt.NDArray[np.intp]:
    """The row of the table for each value: even between two values of note, odd at one, the last for NaN."""
    at = np.searchsorted(lookup.values, values)
    places: npt.NDArray[np.intp] = 2 * at + (lookup.values.take(at, mode="clip") == values)
    places[np.isnan(values)] = len(lookup.masks) - 1
    return places


def _in_order(leaves: Floats) -> Floats:
    """The sum of the lines, of which there is one for each tree, from the first to the last."""
    if leaves.shape[1] < _NARROW:
        return np.asarray(np.add.accumulate(leaves, axis=0)[-1])
    # NumPy adds line by line; but a single column, which to it is one long line, it would add in pairs
    return np.asarray(np.add.reduce(leaves, axis=0))


def _first_bit(masks: Masks) -> npt.NDArray[np.int64]:
    """The place of the lowest bit that is set: the exponent of the power of two that it stands for."""
    lowest = masks & (~masks + masks.dtype.type(1))
    if masks.dtype == np.uint32:
        return np.asarray((lowest.astype(np.float32).view(np.int32) >> 23) - np.int64(127))
    return np.asarray((lowest.astype(np.float64).view(np.int64) >> 52) - 1023)


class _Builder:
    """Numbers the leaves and makes the tables."""

    def __init__(self, trees: Attributes) -> None:
        self._trees = trees
        self._count = len(trees["nodes_modes"])
        self._tree = np.zeros(self._count, np.int64)
        self._ruled_out = [0] * self._count  # bits of the leaves on a node's true side
        self._leaves: list[list[int]] = []
        self._members = self._sets()
        self._visits = 0

    def forest(self) -> Forest | None:
        """Put it together; None if it would be too large."""
        for tree, root in enumerate(self._trees["tree_roots"]):
            self._leaves.append([])
            self._walk(root, tree)
        most = max(map(len, self._leaves))
        features = sorted(set(self._trees["nodes_featureids"]))
        if most > 64:
            return None
        dtype = np.dtype(np.uint32 if most <= 32 else np.uint64)
        nodes: dict[int, list[int]] = {feature: [] for feature in features}
        for node, feature in enumerate(self._trees["nodes_featureids"]):
            nodes[feature].append(node)
        values = {feature: self._values(nodes[feature]) for feature in features}
        rows = sum(2 * len(found) + 2 for found in values.values())
        if rows * len(self._leaves) * dtype.itemsize > _MOST_BYTES:
            return None
        weights = np.zeros((len(self._leaves), most))
        for tree, leaves in enumerate(self._leaves):
            weights[tree, : len(leaves)] = self._trees["leaf_weights"][leaves]
        return Forest({f: self._lookup(nodes[f], values[f], dtype) for f in features}, weights)

    def _walk(self, root: int, tree: int) -> None:
        """Number the leaves of a tree. A stack of our own: a tree may be as deep as it has leaves."""
        trees, leaves = self._trees, self._leaves[tree]
        stack: list[tuple[int, int]] = [(root, -1)]  # a node, and how many leaves there were before its true side
        while stack:
            node, before = stack.pop()
            if before < 0:
                self._visits += 1
                if self._visits > self._count:
                    raise ValueError("a node that is reached twice")
                self._tree[node] = tree
                stack.append((node, len(leaves)))
                side, is_leaf = trees["nodes_truenodeids"][node], trees["nodes_trueleafs"][node]
            else:
                self._ruled_out[node] = (1 << len(leaves)) - (1 << before)
                side, is_leaf = trees["nodes_falsenodeids"][node], trees["nodes_falseleafs"][node]
            if is_leaf:
                leaves.append(side)
            else:
                stack.append((side, -1))

    def _sets(self) -> dict[int, set[float]]:
        """The values of each `in`: they stand one after the other, each list ended by NaN."""
        lists: list[set[float]] = [set()]
        for value in np.asarray(self._trees.get("membership_values", [])).tolist():
            if np.isnan(value):
                lists.append(set())
            else:
                lists[-1].add(value)
        nodes = np.flatnonzero(np.asarray(self._trees["nodes_modes"]) == _MEMBER).tolist()
        return dict(zip(nodes, lists[: len(nodes)], strict=True))

    def _values(self, nodes: list[int]) -> Floats:
        found: set[float] = set()
        for node in nodes:
            found |= self._members[node] if node in self._members else {float(self._trees["nodes_splits"][node])}
        return np.array(sorted(found))

    def _lookup(self, nodes: list[int], values: Floats, dtype: np.dtype[Any]) -> _Lookup:
        masks = np.full((2 * len(values) + 2, len(self._leaves)), np.iinfo(dtype).max, dtype)
        tracks = self._trees.get("nodes_missing_value_tracks_true", [0] * self._count)
        splits = [self._trees["nodes_splits"][node] for node in nodes]
        behind = (2 * np.searchsorted(values, splits) + 2).tolist()
        most = np.iinfo(dtype).max
        for node, first in zip(nodes, behind, strict=True):
            of_tree = masks[:, self._tree[node]]
            missing = of_tree[-1]
            left = dtype.type(most - self._ruled_out[node])
            if node in self._members:
                members = 2 * np.searchsorted(values, sorted(self._members[node])) + 1
                untouched = of_tree[members]
                of_tree &= left
                of_tree[members] = untouched
            else:
                of_tree[first:] &= left
            if tracks[node]:
                of_tree[-1] = missing
        return _Lookup(values, masks)
