"""Whether a difference is more than chance: null distributions for the window's size, corrected for many columns."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import ceil, sqrt
from typing import NamedTuple

import numpy as np

from tabi.monitoring.drift import Counts, Floats, shares

# a bin that is expected to hold fewer rows is put together with others before a chi-squared test (Cochran 1954)
EXPECTED_MINIMUM = 5.0


class Tested(NamedTuple):
    """A test's statistic, and the probability of one as large or larger where nothing changed."""

    test: str
    statistic: float
    p: float


def psi_bound(bins: int, rows: float, reference_rows: float, alpha: float, tests: int = 1) -> float:
    """The PSI that a window of `rows` rows passes by chance with a probability of `alpha` over all of `tests` columns.

    Where nothing changed, PSI / (1/n + 1/N) is distributed as chi-squared with bins - 1 degrees of freedom (Yurdakul,
    "Statistical properties of the population stability index", 2018), n rows against N of the reference. Bonferroni's
    correction for the columns. In small windows the tail of PSI is heavier than that, which bins / n makes up for
    (docs/evidence/drift.md). Infinite where either has no rows.
    """
    if rows <= 0 or reference_rows <= 0:
        return float("inf")
    return _quantile(bins, alpha, tests) * (1 / rows + 1 / reference_rows) * (1 + max(bins, 2) / rows)


def rows_needed(bins: int, reference_rows: float, floor: float, alpha: float, tests: int = 1) -> int | None:
    """The rows from which a PSI of `floor` is more than chance; None where the reference is too small for any window.

    The inverse of `psi_bound`: the positive root of q (x + 1/N) (1 + bins x) = floor, with x = 1/n.
    """
    if reference_rows <= 0 or floor <= 0:
        return None
    q, k = _quantile(bins, alpha, tests), max(bins, 2)
    first, last = 1 + k / reference_rows, 1 / reference_rows - floor / q
    if last >= 0:
        return None
    root = (sqrt(first * first - 4 * k * last) - first) / (2 * k)
    return ceil(1 / root) if root > 0 else None


@lru_cache(maxsize=1024)
def _quantile(bins: int, alpha: float, tests: int) -> float:
    from scipy.stats import chi2

    return float(chi2.isf(alpha / max(tests, 1), max(bins - 1, 1)))


def used_bins(reference: Counts) -> int:
    """Bins that the reference has rows in: the others cost no degree of freedom."""
    return int((reference > 0).sum())


def ks_test(reference: Counts, now: Counts) -> Tested:
    """Kolmogorov-Smirnov's test over binned numbers: the greatest distance of the two cumulated shares.

    Asymptotic (Smirnov 1948). Numbers that share a bin only lower the statistic, so it errs on the quiet side.
    """
    from scipy.stats import kstwobign

    n, m = float(reference.sum()), float(now.sum())
    if not n or not m:
        return Tested("ks", 0.0, 1.0)
    distance = float(np.abs(np.cumsum(shares(reference)) - np.cumsum(shares(now))).max())
    return Tested("ks", distance, float(kstwobign.sf(distance * sqrt(n * m / (n + m)))))


def chi2_test(reference: Counts, now: Counts) -> Tested:
    """Pearson's chi-squared test of homogeneity. Bins too rare for it are put together.

    The rarest are joined until each holds `EXPECTED_MINIMUM` rows of either, as far as both have so many.
    """
    from scipy.stats import chi2_contingency

    both = _joined(np.vstack([reference, now]).astype(np.float64))
    if both.shape[1] < 2 or not both.sum(axis=1).all():
        return Tested("chi2", 0.0, 1.0)
    found = chi2_contingency(both, correction=False)
    return Tested("chi2", float(found.statistic), float(found.pvalue))


def _joined(both: Floats) -> Floats:
    """The table with its rarest bins added up until what is expected in each is enough."""
    sizes, total = both.sum(axis=1), both.sum()
    if not sizes.all():
        return both[:, :0]
    expected = both.sum(axis=0) * (sizes.min() / total)
    order = np.argsort(expected, kind="stable")
    both, expected = both[:, order], expected[order]
    # the rarest, and as many more as make the whole of them common enough
    rare = int((expected < EXPECTED_MINIMUM).sum())
    while 0 < rare < len(expected) and expected[:rare].sum() < EXPECTED_MINIMUM:
        rare += 1
    joined = both[:, :rare].sum(axis=1, keepdims=True)
    kept = both[:, rare:]
    return np.hstack([joined, kept]) if joined.sum() else kept


def benjamini_hochberg(p: Sequence[float]) -> list[float]:
    """p-values adjusted for many tests: at most alpha of what is then below alpha is expected to be chance.

    Benjamini and Hochberg, JRSS B 1995.
    """
    from scipy.stats import false_discovery_control

    return [float(value) for value in false_discovery_control(np.asarray(p))] if len(p) else []
