"""Path-dependent TreeSHAP, exact.

A coalition of columns gives a leaf the weight: the product over its path's columns of whether the row takes the path's
steps (a column of the coalition) or of the share of training rows that take them (any other). A column's Shapley value
is the mean of what it adds over all orders of joining. For one leaf with d columns that is an integral,

    value · (taken - share) · ∫ Π_others (share · (1 - t) + taken · t) dt   from 0 to 1,

because k! (d-1-k)! / d! = ∫ t^k (1-t)^(d-1-k) dt. The integrand is a polynomial of degree d - 1, which Gauss-Legendre
quadrature of ⌈d/2⌉ points integrates exactly, with positive terms only.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tabi.errors import BundleError
from tabi.explain.arrays import unpack
from tabi.explain.document import Trees
from tabi.explain.paths import Floats, Integers, Paths, Truths, paths_of, read_nodes

# leaves times slots that are computed at once: it bounds the memory of large forests
MOST = 1 << 20


class _Group(NamedTuple):
    """Leaves whose paths ask about equally many columns. The arrays are [columns of a path, leaves].

    `slots`: which slot of the paths it is; `share`: its share; `place`: the contract's column that it counts for.
    """

    leaf: Integers
    slots: npt.NDArray[np.int32]
    share: Floats
    place: npt.NDArray[np.int32]


class TreeEvaluator:
    """Contributions of the contract's columns to the scores of trees. Reads any rows, keeps nothing of them."""

    def __init__(self, trees: Trees, owners: Integers, columns: int, scores: int) -> None:
        """`owners`: by encoded column, the contract's column; `columns`: how many the contract has."""
        self._nodes = read_nodes(trees, len(owners), scores)
        paths = paths_of(self._nodes)
        # narrow: a forest has tens of millions of steps
        self._step, self._first = paths.step.astype(np.int32), paths.first
        self._leftward = paths.leftward
        self._columns, self._scores, self._narrow = columns, scores, trees.narrow
        self._categories = {column: np.array(values) for column, values in trees.categories.items()}
        bits = unpack(trees.sets, "uint8", trees.sets_count * trees.words).reshape(trees.sets_count, trees.words)
        self._sets = np.unpackbits(bits, axis=1, bitorder="little").astype(bool)
        asked = set(self._nodes.feature[self._nodes.split >= 0].tolist())
        widest = max((len(values) for values in self._categories.values()), default=0)
        if not asked <= set(self._categories) or widest > self._sets.shape[1] > 0:
            raise BundleError("explanation.json lacks the categories of a split: release the model again")
        self._groups = list(_groups(paths, owners))
        self.base = self._base(paths)

    def contributions(self, encoded: Floats) -> Floats:
        """[N, scores, columns] for rows of encoded columns. What a row gets does not depend on the other rows."""
        rows = encoded.astype(np.float32).astype(np.float64) if self._narrow else encoded
        result = np.zeros((len(rows), self._scores * self._columns))
        for index, row in enumerate(rows):
            taken = self._taken(row)
            for group in self._groups:
                shapley = _shapley(taken[group.slots], group.share)
                self._add(result[index], group, shapley)
        return result.reshape(len(rows), self._scores, self._columns)

    def _add(self, result: Floats, group: _Group, shapley: Floats) -> None:
        values = self._nodes.value[group.leaf]
        if values.shape[1] == 1:
            place = group.place + self._nodes.target[group.leaf] * self._columns
            result += np.bincount(place.ravel(), (shapley * values[:, 0]).ravel(), len(result))
            return
        for score in range(self._scores):
            part = np.bincount(group.place.ravel(), (shapley * values[:, score]).ravel(), self._columns)
            result[score * self._columns : (score + 1) * self._columns] += part

    def _taken(self, row: Floats) -> Truths:
        """By slot: whether the row takes all of its steps."""
        if not len(self._first):
            return np.empty(0, dtype=bool)
        as_path = self._goes_left(row)[self._step] == self._leftward
        taken: Truths = np.logical_and.reduceat(as_path, self._first)
        return taken

    def _goes_left(self, row: Floats) -> Truths:
        """By node: whether the row would go left there."""
        nodes = self._nodes
        values = row[nodes.feature]
        left = np.where(np.isnan(values), nodes.missing_left, values <= nodes.threshold)
        of_set = np.flatnonzero(nodes.split >= 0)
        if len(of_set):
            ranks = np.full(len(row), -1)
            for column, known in self._categories.items():
                place = np.searchsorted(known, row[column])
                if place < len(known) and known[place] == row[column]:
                    ranks[column] = place
            rank = ranks[nodes.feature[of_set]]
            left[of_set] = np.where(rank < 0, nodes.missing_left[of_set], self._sets[nodes.split[of_set], rank])
        return left

    def _base(self, paths: Paths) -> Floats:
        """What the trees give where nothing of a row is known: by score."""
        nodes = self._nodes
        weights = np.multiply.reduceat(paths.share, paths.slots[:-1]) if len(paths.leaf) else np.empty(0)
        roots_alone = (nodes.feature < 0) & ~np.isin(np.arange(len(nodes.feature)), paths.leaf)
        leaf = np.concatenate([paths.leaf, np.flatnonzero(roots_alone)])
        weight = np.concatenate([weights, np.ones(int(roots_alone.sum()))])
        given = nodes.value[leaf] * weight[:, None]
        if given.shape[1] > 1:
            return np.asarray(given.sum(axis=0))
        return np.asarray(np.bincount(nodes.target[leaf], given[:, 0], self._scores), dtype=np.float64)


def _groups(paths: Paths, owners: Integers) -> Iterator[_Group]:
    leaf, column, share, slots = paths.leaf, paths.column, paths.share, paths.slots
    counts = np.diff(slots)
    for count in np.unique(counts):
        chosen = np.flatnonzero(counts == count)
        size = max(1, MOST // int(count))
        for start in range(0, len(chosen), size):
            part = chosen[start : start + size]
            places = slots[part] + np.arange(count)[:, None]
            yield _Group(leaf[part], places.astype(np.int32), share[places], owners[column[places]].astype(np.int32))


def _shapley(taken: Truths, share: Floats) -> Floats:
    """Each column's Shapley value in a leaf of value 1: [columns of a path, leaves]."""
    total = np.zeros_like(share)
    for point, weight in _quadrature((len(share) + 1) // 2):
        factors = share * (1 - point) + taken * point
        product = weight * factors.prod(axis=0)
        # a factor is zero only where share and taken are, and there the value is zero whatever the others are
        factors[factors == 0] = 1.0
        total += product / factors
    return (taken - share) * total


@lru_cache(maxsize=256)
def _quadrature(count: int) -> list[tuple[float, float]]:
    """Points and weights that integrate polynomials of degree 2 * count - 1 from 0 to 1."""
    points, weights = np.polynomial.legendre.leggauss(count)
    return list(zip(((points + 1) / 2).tolist(), (weights / 2).tolist(), strict=True))
