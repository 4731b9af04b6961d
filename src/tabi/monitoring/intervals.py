"""Estimates from labelled rows with their 95 % intervals. Both ends are NaN where the rows do not allow one."""

from __future__ import annotations

from collections.abc import Callable
from math import nan, sqrt
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[Any]

# the 97.5th percentile of the standard normal distribution
Z = 1.959963984540054
CONFIDENCE = 0.95


class Estimate(NamedTuple):
    """A value and the ends of its interval."""

    value: float
    low: float
    high: float


def share(hits: int, rows: int) -> Estimate:
    """A proportion, such as accuracy, with the score interval (Wilson, J. Am. Stat. Assoc. 22, 1927).

    Unlike the usual one it stays between 0 and 1, and holds for few rows and for shares near its ends.
    """
    if rows == 0:
        return Estimate(nan, nan, nan)
    p, square = hits / rows, Z * Z
    centre = (p + square / (2 * rows)) / (1 + square / rows)
    half = Z / (1 + square / rows) * sqrt(p * (1 - p) / rows + square / (4 * rows * rows))
    return Estimate(p, max(0.0, centre - half), min(1.0, centre + half))


def f1(true_positives: int, wrong: int) -> Estimate:
    """F1 of the positive class; `wrong`: false positives and false negatives.

    F1 = 2J / (1 + J) rises with J = TP / (TP + FP + FN), which is a proportion of the rows that are positive or are
    taken to be: the ends of its Wilson interval are carried over.
    """
    return Estimate(*(2 * j / (1 + j) for j in share(true_positives, true_positives + wrong)))


def mean(values: Floats) -> Estimate:
    """A mean with Student's interval (Biometrika 6, 1908); the rows are taken to be independent."""
    from scipy.stats import t

    rows = len(values)
    if rows < 2:
        return Estimate(float(values.mean()) if rows else nan, nan, nan)
    value = float(values.mean())
    half = float(t.ppf((1 + CONFIDENCE) / 2, rows - 1)) * float(values.std(ddof=1)) / sqrt(rows)
    return Estimate(value, value - half, value + half)


def auc(positive: npt.NDArray[np.bool_], score: Floats) -> Estimate:
    """ROC AUC with the interval of DeLong, DeLong and Clarke-Pearson (Biometrics 44, 1988).

    The components are made from midranks, in the time of a sort (Sun and Xu, IEEE Signal Process. Lett. 21, 2014).
    """
    m, n = int(positive.sum()), int((~positive).sum())
    if m == 0 or n == 0:
        return Estimate(nan, nan, nan)
    above, below = _placements(positive, score)
    value = float(above.mean())
    if m < 2 or n < 2:
        return Estimate(value, nan, nan)
    return _clipped(value, sqrt(float(above.var(ddof=1)) / m + float(below.var(ddof=1)) / n))


def macro_auc(codes: Codes, probabilities: Floats) -> Estimate:
    """The mean over the classes of the ROC AUC of each against the rest.

    Its variance is that of the mean of the components of all classes for each row, which are DeLong's divided by their
    class's share: the infinitesimal jackknife (Efron, The Jackknife, the Bootstrap and Other Resampling Plans, 1982,
    chapter 6).
    """
    rows, classes = probabilities.shape
    values, influence = [], np.zeros(rows)
    for place in range(classes):
        positive = codes == place
        m, n = int(positive.sum()), int((~positive).sum())
        if m == 0 or n == 0:
            return Estimate(nan, nan, nan)
        above, below = _placements(positive, probabilities[:, place])
        value = float(above.mean())
        values.append(value)
        influence[positive] += (above - value) * rows / m
        influence[~positive] += (below - value) * rows / n
    return _clipped(float(np.mean(values)), sqrt(float(np.sum((influence / classes) ** 2))) / rows)


def bootstrapped(scorer: Callable[[Floats], Floats], rows: int, seed: int = 0) -> Estimate:
    """A score of weighted rows with its percentile interval (Efron and Tibshirani, 1993, chapter 13)."""
    from tabi.gates.bootstrap import interval_of

    if rows < 2:
        return Estimate(nan, nan, nan)
    # as many draws as a few seconds allow
    resamples = int(min(1000, max(200, 100_000_000 // rows)))
    return Estimate(*interval_of(scorer, rows, resamples, seed, CONFIDENCE))


def _placements(positive: npt.NDArray[np.bool_], score: Floats) -> tuple[Floats, Floats]:
    """For each positive row the share of negative ones that it is above, and for each negative one the share of
    positive ones that are above it; ties count half.
    """
    from scipy.stats import rankdata

    ranks = rankdata(score)
    m, n = int(positive.sum()), int((~positive).sum())
    above = (ranks[positive] - rankdata(score[positive])) / n
    below = 1 - (ranks[~positive] - rankdata(score[~positive])) / m
    return above, below


def _clipped(value: float, error: float) -> Estimate:
    return Estimate(value, max(0.0, value - Z * error), min(1.0, value + Z * error))
