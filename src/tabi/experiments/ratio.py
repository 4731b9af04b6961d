"""Sample ratio mismatch: whether the arms have the units that their weights give them.

Where they have not, units were lost or counted wrongly, not at random, and no difference between arms can be read
(Fabijan et al., "Diagnosing sample ratio mismatch in online controlled experiments", KDD 2019).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

ALARM = 0.001
"""Below this chance of so uneven a split the experiment is broken. Small, for it is looked at every day."""

LEAST_EXPECTED = 5
"""Units that every arm must be due before the distribution of the statistic holds."""


def mismatch(counts: Any, weights: Sequence[float]) -> Any:
    """The p-value of the χ² test of units by arm, in the last axis, against the weights; NaN where units are few."""
    from scipy.stats import chisquare

    found = np.asarray(counts, np.float64)
    share = np.asarray(weights, np.float64) / np.sum(weights)
    expected = found.sum(-1, keepdims=True) * share
    enough = expected.min(-1) >= LEAST_EXPECTED
    # where units are few anything that divides will do, as the answer is not used
    few = ~enough[..., None]
    p = chisquare(np.where(few, 1.0, found), np.where(few, 1.0, expected), axis=-1).pvalue
    return np.where(enough, p, np.nan)[()]


def broken(p: float) -> bool:
    """Whether a split is one that chance does not make; NaN is not."""
    return p < ALARM
