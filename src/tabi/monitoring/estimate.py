"""What a model is worth before labels come, from its own probabilities alone.

Assumes that the probabilities are calibrated on the rows that are served: that of rows with 0.8, 80 % are positive.
That holds where only the inputs have drifted, and fails where the concept has: feedback decides, this comes first.
Confidence-based performance estimation: Garg et al., "Leveraging unlabeled data to predict out-of-distribution
performance", ICLR 2022, section 3; the estimate of the area as in NannyML's CBPE.
"""

from __future__ import annotations

from math import sqrt

import msgspec
import numpy as np

from tabi.contract.bins import Floats

# with fewer rows of either expected class there is no area
LEAST = 30
_SEED = 42
_DRAWS = 200


class Estimate(msgspec.Struct, frozen=True):
    """The expected accuracy and area under the ROC curve, each with the interval that 95 % of such windows lie in.

    `auc` is None of several classes, and where one class is hardly expected.
    """

    rows: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    auc: float | None
    auc_interval: tuple[float, float] | None


def estimate_binary(probabilities: Floats, threshold: float) -> Estimate | None:
    """Of two classes, from the probability of the positive one; None without rows."""
    p = probabilities[np.isfinite(probabilities)]
    if not len(p):
        return None
    right = np.where(p >= threshold, p, 1 - p)
    area = _area(p) if min(p.sum(), (1 - p).sum()) >= LEAST else None
    return Estimate(len(p), *_mean(right), area, _area_interval(p) if area is not None else None)


def estimate_top(probabilities: Floats) -> Estimate | None:
    """Of several classes, from the probability of the label that was given; None without rows."""
    p = probabilities[np.isfinite(probabilities)]
    return Estimate(len(p), *_mean(p), None, None) if len(p) else None


def _mean(right: Floats) -> tuple[float, tuple[float, float]]:
    """The expected share of right answers: the mean of independent draws with these probabilities."""
    mean = float(right.mean())
    margin = 1.96 * sqrt(float((right * (1 - right)).sum())) / len(right)
    return mean, (max(mean - margin, 0.0), min(mean + margin, 1.0))


def _area(p: Floats, labels: Floats | None = None) -> float:
    """The area with each row taken as positive by its probability and as negative by the rest.

    With labels it is the usual area. Rows of the same probability count half against each other.
    """
    weights = p if labels is None else labels
    values, places = np.unique(p, return_inverse=True)
    positive = np.bincount(places, weights=weights, minlength=len(values))
    negative = np.bincount(places, weights=1 - weights, minlength=len(values))
    below = np.cumsum(negative) - negative
    return float((positive * (below + negative / 2)).sum() / (positive.sum() * negative.sum()))


def _area_interval(p: Floats) -> tuple[float, float]:
    """Of areas of labels that were drawn with these probabilities."""
    random = np.random.default_rng(_SEED)
    if len(p) > 20_000:
        # the interval of a larger window is narrower by the root of its size; its middle stays
        some = random.choice(p, 20_000, replace=False)
        low, high = _area_interval(some)
        middle, shrink = _area(p), sqrt(20_000 / len(p))
        return middle - (_area(some) - low) * shrink, middle + (high - _area(some)) * shrink
    areas = [_area(p, (random.random(len(p)) < p).astype(np.float64)) for _ in range(_DRAWS)]
    low, high = np.quantile(areas, [0.025, 0.975])
    return float(low), float(high)
