"""Trees for many rows at once: table look-ups and bit masks in place of a walk from node to node.

A tree's leaves are numbered from left, where a node's left is its true side. A node whose question is false rules out
the leaves on its left. What the questions about one feature rule out depends on that feature alone, so it is looked up
by the place of the row's value among the feature's thresholds; of the leaves that no feature rules out, the row's is
the first. The sum goes over the trees in their order, as ONNX Runtime adds them: it has the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tabi.bundle.split import LEQ, MEMBER, Attributes, members_of
from tabi.score.features import Feature
from tabi.score.leaves import leaves_of

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Masks = npt.NDArray[Any]

# rows at a time: what is worked on stays in the cache
_BLOCK = 1024
_NARROW = 16
_MOST_BYTES = 64 * 1024 * 1024
# as many as a mask has bits
_MOST_LEAVES = 64
# masks that are made at once
_AT_ONCE = 1 << 20


class _Lookup(NamedTuple):
    """A feature's values of note, ascending, and masks: below the first, at it, between it and the next …, missing."""

    values: Floats
    masks: Masks


class Forest:
    """Sums of leaves, bit by bit as a `TreeEnsemble` of one target computes them on one thread."""

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
        known = set(np.unique(trees["nodes_modes"]).tolist()) <= {LEQ, MEMBER}
        if not plain or trees.get("aggregate_function", [1]) != [1] or not known:
            return None
        return _Builder(trees).forest()

    def sums(self, features: Sequence[Feature], count: int) -> Floats:
        """float64[`count`], of so many rows."""
        places = {feature: _places(lookup, features[feature]) for feature, lookup in self._lookups.items()}
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
        # the walk begins with zero, and a sum of nothing but -0.0 is 0.0 there
        return found + 0.0


def _places(lookup: _Lookup, feature: Feature) -> npt.NDArray[np.intp]:
    """The row of the table for each value: even between two values of note, odd at one, the last for NaN."""
    at = np.searchsorted(lookup.values, feature.values)
    places: npt.NDArray[np.intp] = 2 * at + (lookup.values.take(at, mode="clip") == feature.values)
    places[np.isnan(feature.values)] = len(lookup.masks) - 1
    return places if feature.places is None else places[feature.places]


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
    """Makes the tables."""

    def __init__(self, trees: Attributes) -> None:
        self._trees = trees
        self._leaves = leaves_of(trees)
        self._features = np.asarray(trees["nodes_featureids"], np.int64)
        self._splits = np.asarray(trees["nodes_splits"], np.float64)
        self._tracks = np.asarray(trees.get("nodes_missing_value_tracks_true", np.zeros(len(self._splits))), np.bool_)
        self._members = members_of(trees)
        self._asks_members = np.zeros(len(self._splits), np.bool_)
        self._asks_members[list(self._members)] = True

    def forest(self) -> Forest | None:
        """Put it together; None if it would be too large, or asks for what no value is."""
        leaves, count = self._leaves, len(self._trees["tree_roots"])
        most = int(leaves.number.max()) + 1
        if most > _MOST_LEAVES or np.isnan(self._splits[~self._asks_members]).any():
            return None
        dtype = np.dtype(np.uint32 if most <= 32 else np.uint64)
        nodes = {feature: np.flatnonzero(self._features == feature) for feature in np.unique(self._features).tolist()}
        values = {feature: self._values(own) for feature, own in nodes.items()}
        rows = sum(2 * len(found) + 2 for found in values.values())
        if rows * count * dtype.itemsize > _MOST_BYTES or not all(map(len, values.values())):
            return None
        weights = np.zeros((count, most))
        weights[leaves.tree, leaves.number] = np.asarray(self._trees["leaf_weights"])[leaves.weight]
        # all leaves but those on the true side
        one = np.uint64(1)
        kept = ~((one << leaves.false.astype(np.uint64)) - (one << leaves.true.astype(np.uint64)))
        masks = kept.astype(dtype)
        return Forest(
            {feature: self._lookup(nodes[feature], of, masks, count) for feature, of in values.items()}, weights
        )

    def _values(self, nodes: Integers) -> Floats:
        """The values of note."""
        asking = self._asks_members[nodes]
        members = [self._members[node] for node in nodes[asking].tolist()]
        return np.unique(np.concatenate([self._splits[nodes[~asking]], *members]))

    def _lookup(self, nodes: Integers, values: Floats, kept: Masks, count: int) -> _Lookup:
        masks = np.full((2 * len(values) + 2, count), np.iinfo(kept.dtype).max, kept.dtype)
        asking = self._asks_members[nodes]
        self._rule_out_above(masks, nodes[~asking], values, kept)
        self._rule_out_strangers(masks, nodes[asking], values, kept)
        return _Lookup(values, masks)

    def _rule_out_above(self, masks: Masks, nodes: Integers, values: Floats, kept: Masks) -> None:
        """`<=`: its true side, from the first place above the threshold on."""
        tree = self._leaves.node_tree[nodes]
        above = 2 * np.searchsorted(values, self._splits[nodes]) + 2
        np.bitwise_and.at(masks, (above, tree), kept[nodes])
        np.bitwise_and.accumulate(masks[:-1], axis=0, out=masks[:-1])
        without = ~self._tracks[nodes]
        np.bitwise_and.at(masks[-1], tree[without], kept[nodes[without]])

    def _rule_out_strangers(self, masks: Masks, nodes: Integers, values: Floats, kept: Masks) -> None:
        """`in`: its true side, everywhere but at its members."""
        places, nodes = len(masks), nodes[np.argsort(self._leaves.node_tree[nodes], kind="stable")]
        step = max(_AT_ONCE // places, 1)
        for some in np.split(nodes, range(step, len(nodes), step)) if len(nodes) else ():
            members = [self._members[node] for node in some.tolist()]
            inside = np.zeros((len(some), places), np.bool_)
            row = np.repeat(np.arange(len(some)), [len(of) for of in members])
            inside[row, 2 * np.searchsorted(values, np.concatenate(members)) + 1] = True
            inside[:, -1] = self._tracks[some]
            left = np.where(inside, np.iinfo(kept.dtype).max, kept[some, np.newaxis])
            trees, starts = np.unique(self._leaves.node_tree[some], return_index=True)
            masks[:, trees] &= np.bitwise_and.reduceat(left, starts, axis=0).T
