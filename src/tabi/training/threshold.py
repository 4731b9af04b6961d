"""The decision threshold: chosen on out-of-fold predictions of the training rows, never on the test rows."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tabi.errors import ConfigError
from tabi.project import ThresholdConfig
from tabi.project.config import Criterion
from tabi.training.split import Labels
from tabi.training.stages import Floats


class Threshold(NamedTuple):
    """A row is of the positive class where its probability is `value` or more.

    `score`: what the criterion reached on the training rows: F1, the cost a row, the precision at a stated recall or
    the recall at a stated precision; None for a fixed threshold.
    """

    value: float
    criterion: str
    score: float | None


def choose_threshold(y: Labels, probability: Floats, config: ThresholdConfig) -> Threshold:
    """The best threshold by the project's criterion; of equally good ones the nearest to 0.5, then the lower.

    Candidates lie halfway between neighbouring probabilities, so no row sits on the threshold itself.
    """
    criterion = config.criterion.name
    if config.criterion is Criterion.fixed:
        if not 0 < config.value < 1:
            raise ConfigError(f"threshold.value={config.value} must lie between 0 and 1")
        return Threshold(float(config.value), criterion, None)
    values, true_positive, false_positive = _confusion(y, probability)
    goodness = _goodness(true_positive, false_positive, y, config)
    best = min(np.flatnonzero(goodness == goodness.max()), key=lambda i: (abs(values[i] - 0.5), values[i]))
    return Threshold(float(values[best]), criterion, abs(float(goodness[best])))


def _goodness(true_positive: Floats, false_positive: Floats, y: Labels, config: ThresholdConfig) -> Floats:
    """How good each candidate is by the criterion; -inf where it misses what the project states."""
    positives = y.sum()
    if config.criterion is Criterion.f1:
        return np.asarray(2 * true_positive / (true_positive + false_positive + positives))
    if config.criterion is Criterion.cost:
        cost = config.cost_false_positive * false_positive + config.cost_false_negative * (positives - true_positive)
        return np.asarray(-cost / len(y))
    recall = true_positive / positives
    # where no row is decided to be positive, none is so rightly
    precision = true_positive / np.maximum(true_positive + false_positive, 1)
    if config.criterion is Criterion.recall:
        return np.where(recall >= config.recall, precision, -np.inf)
    if precision.max() < config.precision:
        raise ConfigError(
            f"threshold.precision={config.precision} is reached by no threshold on the training rows, where the best "
            f"precision is {precision.max():.3f}: state less, or choose another criterion"
        )
    return np.where(precision >= config.precision, recall, -np.inf)


def _confusion(y: Labels, probability: Floats) -> tuple[Floats, Floats, Floats]:
    """Candidate thresholds and, for each, how many rows at or above it are positive and how many negative."""
    distinct, inverse = np.unique(probability, return_inverse=True)
    # above the greatest probability no row is positive; above 1 there is no threshold
    upper = np.append(distinct[1:], (distinct[-1] + 1) / 2) if distinct[-1] < 1 else distinct[1:]
    halfway = (distinct[: len(upper)] + upper) / 2
    values = np.concatenate([[distinct[0] / 2], np.where(halfway > distinct[: len(upper)], halfway, upper)])
    positives = np.bincount(inverse, weights=y, minlength=len(distinct))
    rows = np.bincount(inverse, minlength=len(distinct))
    kept = slice(len(values))
    return values, _at_or_above(positives)[kept], _at_or_above(rows - positives)[kept]


def _at_or_above(counts: npt.NDArray[Any]) -> Floats:
    return np.concatenate([np.cumsum(counts[::-1])[::-1], [0.0]])
