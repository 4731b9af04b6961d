"""Linear models: a column's contribution is its coefficient times its distance from the training rows' mean.

That is the Shapley value where a column that is not known takes its mean.
"""

from __future__ import annotations

import numpy as np

from tabi.explain.arrays import unpack
from tabi.explain.document import Linear
from tabi.explain.paths import Floats, Integers


class LinearEvaluator:
    """Contributions of the contract's columns to the scores of a linear model."""

    def __init__(self, linear: Linear, owners: Integers, columns: int, scores: int) -> None:
        """`owners`: by encoded column, the contract's column; `columns`: how many the contract has."""
        self._coefficients = unpack(linear.coefficients, "float64", scores * len(owners)).reshape(scores, len(owners))
        self._means = unpack(linear.means, "float64", len(owners))
        self._owners, self._columns = owners, columns
        self.base: Floats = (self._coefficients * self._means).sum(axis=1)

    def contributions(self, encoded: Floats) -> Floats:
        """[N, scores, columns] for rows of encoded columns."""
        scores = len(self._coefficients)
        result = np.zeros((len(encoded), scores, self._columns))
        for index, row in enumerate(encoded):
            parts = self._coefficients * (row - self._means)
            for score in range(scores):
                result[index, score] = np.bincount(self._owners, parts[score], self._columns)
        return result
