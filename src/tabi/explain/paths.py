"""Trees as their leaves: for each leaf, the columns that its path asks about, and how."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tabi.errors import BundleError
from tabi.explain.arrays import unpack
from tabi.explain.document import Trees

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Truths = npt.NDArray[np.bool_]


class Nodes(NamedTuple):
    """A number for each node; `left` and `right` are node numbers, 0 at a leaf. `feature` is -1 at a leaf."""

    feature: Integers
    threshold: Floats
    left: Integers
    right: Integers
    missing_left: Truths
    cover: Floats
    split: Integers
    value: Floats
    target: Integers


class Paths(NamedTuple):
    """The ways from the roots to the leaves that are no roots.

    A step is a node on the way and whether it is left to the left. Steps that split the same column are one slot: they
    begin at `first`. `column`: by slot. `share`: by slot, of the training rows that come to these steps, how many take
    them all. `leaf`: by leaf, its node; `slots`: its first slot, and one more at the end.
    """

    step: Integers
    leftward: Truths
    first: Integers
    column: Integers
    share: Floats
    leaf: Integers
    slots: Integers


def read_nodes(trees: Trees, columns: int, scores: int) -> Nodes:
    """The nodes of all trees; `BundleError` if they are no trees over so many columns and scores."""
    count = trees.nodes
    feature = unpack(trees.feature, "int32", count).astype(np.int64)
    inner = feature >= 0
    place = np.arange(count)
    left = np.where(inner, place + unpack(trees.left, "int32", count), 0)
    right = np.where(inner, place + unpack(trees.right, "int32", count), 0)
    roots = unpack(trees.roots, "int32", trees.trees).astype(np.int64)
    by_tree = unpack(trees.targets, "int32", trees.trees).astype(np.int64)
    split = unpack(trees.splits, "int32", count).astype(np.int64) if trees.splits else np.full(count, -1)
    cover = unpack(trees.cover, "float64", count)
    children = np.concatenate([left[inner], right[inner]])
    sound = (
        np.array_equal(np.sort(np.concatenate([children, roots])), place)
        and (np.concatenate([left[inner] - place[inner], right[inner] - place[inner]]) > 0).all()
        and feature.max(initial=-1) < columns
        and ((split >= -1) & (split < trees.sets_count)).all()
        and ((by_tree >= 0) & (by_tree < scores)).all()
        and (np.diff(roots) > 0).all()
        and trees.width in (1, scores)
        and (cover >= 0).all()
    )
    if not sound:
        raise BundleError("explanation.json does not hold trees: release the model again")
    target = np.repeat(by_tree, np.diff([*roots, count]))
    value = unpack(trees.value, "float64", count * trees.width).reshape(count, trees.width)
    missing = unpack(trees.missing_left, "uint8", count).astype(bool)
    threshold = unpack(trees.threshold, "float64", count)
    return Nodes(feature, threshold, left, right, missing, cover, split, value, target)


def paths_of(nodes: Nodes) -> Paths:
    """The paths to all leaves."""
    inner = np.flatnonzero(nodes.feature >= 0)
    parent = np.full(len(nodes.feature), -1)
    leftward = np.zeros(len(parent), dtype=bool)
    parent[nodes.left[inner]] = parent[nodes.right[inner]] = inner
    leftward[nodes.left[inner]] = True
    leaves = np.flatnonzero((nodes.feature < 0) & (parent >= 0))
    steps, sides, owners = [np.empty(0, np.int64)], [np.empty(0, bool)], [np.empty(0, np.int64)]
    shares = [np.empty(0)]
    here, leaf = leaves, np.arange(len(leaves))
    while len(here):
        above = parent[here]
        steps.append(above)
        sides.append(leftward[here])
        owners.append(leaf)
        with np.errstate(invalid="ignore"):
            shares.append(np.nan_to_num(nodes.cover[here] / nodes.cover[above]))
        kept = parent[above] >= 0
        here, leaf = above[kept], leaf[kept]
    step, side, owner, share = map(np.concatenate, (steps, sides, owners, shares))
    order = np.lexsort((nodes.feature[step], owner))
    step, side, owner, share = step[order], side[order], owner[order], share[order]
    column = nodes.feature[step]
    begins = np.ones(len(step), dtype=bool)
    begins[1:] = (column[1:] != column[:-1]) | (owner[1:] != owner[:-1])
    first = np.flatnonzero(begins)
    together = np.multiply.reduceat(share, first) if len(first) else share
    slots = np.searchsorted(owner[first], np.arange(len(leaves) + 1))
    return Paths(step, side, first, column[first], together, leaves, slots)
