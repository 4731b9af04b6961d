"""The leaves of trees, numbered in each tree from the left, where a node's left is its true side."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tabi.bundle.split import Attributes

Integers = npt.NDArray[np.int64]


class Leaves(NamedTuple):
    """Of each leaf its tree, its number there and its place among the weights. Of each node its tree, the number of
    the first leaf on its true side, and that of the first on its false side.
    """

    tree: Integers
    number: Integers
    weight: Integers
    node_tree: Integers
    true: Integers
    false: Integers


def leaves_of(trees: Attributes) -> Leaves:
    """Number them, all trees at once, level by level. `ValueError` if a node is reached twice."""
    to = np.array([trees["nodes_truenodeids"], trees["nodes_falsenodeids"]], np.int64)
    ends = np.array([trees["nodes_trueleafs"], trees["nodes_falseleafs"]], np.bool_)
    levels, tree = _levels(np.asarray(trees["tree_roots"], np.int64), to, ends)
    behind_true = _leaves_on_true_side(levels, to, ends)
    first = np.zeros(to.shape, np.int64)  # the number of the first leaf on either side
    for level in levels:
        first[1, level] = first[0, level] + behind_true[level]
        inner = ~ends[:, level]
        children = to[:, level][inner]
        first[0, children] = first[:, level][inner]
    nodes = np.concatenate(levels)
    here = ends[:, nodes]
    of_leaf = np.broadcast_to(tree[nodes], here.shape)[here]
    return Leaves(of_leaf, first[:, nodes][here], to[:, nodes][here], tree, first[0], first[1])


def _levels(roots: Integers, to: Integers, ends: npt.NDArray[np.bool_]) -> tuple[list[Integers], Integers]:
    """The nodes by their depth, and the tree of each node."""
    tree, seen = np.zeros(to.shape[1], np.int64), np.zeros(to.shape[1], np.bool_)
    tree[roots] = np.arange(len(roots))
    levels: list[Integers] = []
    level = roots
    while len(level):
        if seen[level].any() or len(np.unique(level)) != len(level):
            raise ValueError("a node that is reached twice")
        seen[level] = True
        levels.append(level)
        inner = ~ends[:, level]
        below = to[:, level][inner]
        tree[below] = np.broadcast_to(tree[level], inner.shape)[inner]
        level = below
    return levels, tree


def _leaves_on_true_side(levels: list[Integers], to: Integers, ends: npt.NDArray[np.bool_]) -> Integers:
    """How many there are, of each node. From below: those of a side are those of the node that it leads to."""
    true, both = np.zeros((2, to.shape[1]), np.int64)
    for level in reversed(levels):
        here = ends[:, level]
        sides = np.where(here, 1, both[np.where(here, 0, to[:, level])])
        true[level], both[level] = sides[0], sides.sum(axis=0)
    return true
