"""The Bayesian view of the same sums: how probable it is that an arm is the best, and what choosing it may cost.

Shares have a Beta posterior under a uniform prior; means and ratios a normal one under a flat prior, with the variance
of the delta method. Without covariate, and nothing is decided by it: a posterior is not corrected for looks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from tabi.experiments.effect import DENOMINATOR, NUMERATOR
from tabi.experiments.metric import Metric

if TYPE_CHECKING:
    import numpy.typing as npt
    from tea_tasting.aggr import Aggregates

DRAWS = 50_000
"""The error of a probability is below 0.5 % at two standard errors."""


class Belief(msgspec.Struct, frozen=True):
    """Of an arm: the probability that it is the best, and the expected loss, in units of the metric, if it is not."""

    arm: str
    best: float
    loss: float


def beliefs_of(metric: Metric, sums: Mapping[str, Aggregates]) -> list[Belief]:
    """The beliefs about all arms that have units, by draws from a fixed seed."""
    random = np.random.default_rng(0)
    known = {arm: each for arm, each in sums.items() if each.count() > 1}
    if len(known) < 2 or (metric.kind == "ratio" and any(each.mean(DENOMINATOR) <= 0 for each in known.values())):
        return []
    draws = metric.sign * np.stack([_posterior(metric, each, random) for each in known.values()])
    top = draws.max(0)
    winner = draws.argmax(0)
    return [
        Belief(arm, float((winner == place).mean()), float((top - draws[place]).mean()))
        for place, arm in enumerate(known)
    ]


def _posterior(metric: Metric, sums: Aggregates, random: np.random.Generator) -> npt.NDArray[np.float64]:
    n = sums.count()
    if metric.kind == "proportion":
        events = n * sums.mean(NUMERATOR)
        return random.beta(1 + events, 1 + n - events, DRAWS)
    denominator = DENOMINATOR if metric.kind == "ratio" else None
    value = sums.mean(NUMERATOR) / sums.mean(denominator)
    return random.normal(value, np.sqrt(max(0.0, sums.ratio_var(NUMERATOR, denominator)) / n), DRAWS)
