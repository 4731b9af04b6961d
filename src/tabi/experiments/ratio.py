"""Sample ratio mismatch: whether the arms have the units that their weights give them.

Where they have not, units were lost or counted wrongly, not at random, and no difference between arms can be read
(Fabijan et al., "Diagnosing sample ratio mismatch in online controlled experiments", KDD 2019).

It is looked at every day, so the test holds at all looks together. Units come one after the other, each into an arm
with the chance of its weight. The likelihood of the counts under a Dirichlet distribution of the chances, over that
under the weights, is a martingale then, and reaches 1 / alpha at any time with a probability of alpha at most (Lindon
and Malek, "Anytime-valid inference for multinomial count data", NeurIPS 2022).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tabi.experiments.sequential import tightest

ALARM = 0.01
"""The chance that a sound split is ever called broken, over all looks."""

LEAST_EXPECTED = 5
"""Units that every arm must be due before the split is judged."""

EARLY = 0.3
"""Share of the planned units at which the test is sharpest: it hardly loses from a fiftieth of them to all."""


def mismatch(counts: Any, weights: Sequence[float], planned: float) -> Any:
    """The p-value of units by arm, in the last axis, against the weights: valid at every look together with all others.

    The Dirichlet distribution lies around the weights, so narrow that the test is sharpest at a share of the units
    that were `planned`. It must not depend on the counts.
    """
    from scipy.special import gammaln

    found = np.asarray(counts, np.float64)
    share = np.asarray(weights, np.float64) / np.sum(weights)
    whole = max(EARLY * planned / tightest(ALARM), 1.0)
    prior, n = whole * share, found.sum(-1)
    mixed = gammaln(whole) - gammaln(whole + n) + (gammaln(prior + found) - gammaln(prior)).sum(-1)
    return np.exp(np.minimum((found * np.log(share)).sum(-1) - mixed, 0.0))


def smallest(daily: Sequence[Sequence[int]], weights: Sequence[float], planned: float) -> float | None:
    """The smallest p-value of the days, of which each has its new units by arm; None while units are few."""
    counts = np.cumsum(np.asarray(daily, np.float64).reshape(-1, len(weights)), axis=0)
    if not len(counts) or counts[-1].sum() * min(weights) / sum(weights) < LEAST_EXPECTED:
        return None
    return float(mismatch(counts, weights, planned).min())


def broken(p: float | None) -> bool:
    """Whether a split is one that chance does not make."""
    return p is not None and p <= ALARM
