"""Tests that may be looked at as often as one likes: asymptotic confidence sequences of the normal mixture.

With probability 1 - alpha the intervals contain the difference at every look together, so whoever stops at the first
one that excludes zero errs with probability alpha at most, as the number of units grows. It is the mixture
of likelihood ratios of Robbins (Annals of Mathematical Statistics, 1970), made asymptotic for any distribution
with a variance by Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas ("Time-uniform central limit theory and asymptotic
confidence sequences", Annals of Statistics, 2024, equation 9); Johari et al. ("Always valid inference", Operations
Research, 2022) brought the same test to A/B tests.

Here n is the number of units of both arms together, and a standard error is of the difference of their means. The
mixture's variance is told by `x`, information in units of the variance: rho² n of the paper. Everything works on
numbers and on arrays alike.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

LEAST_UNITS = 100
"""Units an arm must have before it is read: before that the theory's limit is too far away."""

LEAST_EVENTS = 10
"""And units with and without, where a metric is a share, at the rate of both arms together."""

NODES = 128
LOOKS = 60
"""Looks beyond which power is not computed more finely: it only grows with them."""


def tightest(alpha: float) -> float:
    """The x at which the mixture's interval is tightest: 1 + x = -W(-alpha²/e), W the lower branch of Lambert."""
    from scipy.special import lambertw

    return float(-lambertw(-alpha * alpha / math.e, -1).real) - 1


def margin(x: Any, alpha: float) -> Any:
    """Half of the interval's width, in standard errors of the difference. Infinite where there is no information."""
    x = np.asarray(x, np.float64)
    with np.errstate(divide="ignore"):
        return np.sqrt((1 + 1 / x) * (np.log1p(x) - 2 * math.log(alpha)))


def p_value(z: Any, x: Any) -> Any:
    """The smallest alpha whose interval excludes zero, z standard errors away. `p <= alpha` just when |z| >= margin."""
    z, x = np.asarray(z, np.float64), np.asarray(x, np.float64)
    exponent = 0.5 * np.log1p(x) - 0.5 * z * z * x / (1 + x)
    return np.exp(np.minimum(exponent, 0.0))


def information(n: Any, planned: float, alpha: float) -> Any:
    """The x of n units where the mixture is tuned to the planned number, which is fixed before the first unit came."""
    return tightest(alpha) * np.asarray(n, np.float64) / planned


def crossing(drift: float, looks: int, alpha: float) -> tuple[float, float]:
    """Probability that one of `looks` even looks excludes zero, and the mean share of the plan at which one stops.

    `drift`: the difference at the planned number of units, in standard errors. The density of the statistic that has
    not crossed yet is carried from look to look (Armitage, McPherson and Rowe, Journal of the Royal Statistical
    Society A, 1969), by Gauss-Legendre quadrature.
    """
    from scipy.special import ndtr

    points, weights = np.polynomial.legendre.leggauss(NODES)
    times = np.arange(1, looks + 1) / looks
    bounds = margin(tightest(alpha) * times, alpha) * np.sqrt(times)
    step, shift = math.sqrt(1 / looks), drift / looks
    scale = 1 / (step * math.sqrt(2 * math.pi))
    places, density = np.zeros(1), np.ones(1)
    stays, share = 1.0, 0.0
    for bound in bounds:
        share += stays / looks
        stays = float(density @ (ndtr((bound - places - shift) / step) - ndtr((-bound - places - shift) / step)))
        moved = (points[:, None] * bound - places - shift) / step
        density = (np.exp(-0.5 * moved * moved) @ density) * scale * weights * bound
        places = points * bound
    return 1 - stays, share


@lru_cache(64)
def drift_for(power: float, looks: int, alpha: float) -> float:
    """The drift whose probability of crossing is the power."""
    from scipy.optimize import brentq
    from scipy.special import ndtri

    # what one look at the end needs is enough for more looks
    most = math.sqrt(1 + tightest(alpha)) + float(ndtri(power)) + 0.01
    return float(brentq(lambda drift: crossing(drift, looks, alpha)[0] - power, most - 1, most, xtol=1e-3))
