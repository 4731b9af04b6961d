"""Metrics of the test set with 95 % intervals, by the percentile bootstrap over its rows.

B. Efron, R. Tibshirani: "An Introduction to the Bootstrap", Chapman & Hall 1993, chapter 13. The test rows are drawn
anew with replacement, as many as there are, and each metric is computed for each draw; the interval goes from the 2.5 %
to the 97.5 % quantile. It says how much the metric depends on which rows are in the test set, not on how the model was
trained.
Law: over the rows as they are, each metric is the one that the training recorded.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tabi.contract import Task
from tabi.gates.bootstrap import Interval, Scorer, intervals_of, scorer_of
from tabi.training.metrics import NEAR
from tabi.training.stages import Floats

Labels = npt.NDArray[Any]

RESAMPLES, FEWEST = 1000, 200
# draws of rows in all: of a large test set fewer resamples tell the same
MOST_DRAWS = 20_000_000


def metric_intervals(
    task: Task, y: Labels, predicted: Floats, threshold: float | None, seed: int
) -> tuple[dict[str, Interval], int]:
    """The interval of each metric that can be resampled, by its name in `metrics.json`; and how many resamples."""
    resamples = int(np.clip(MOST_DRAWS // max(len(y), 1), FEWEST, RESAMPLES))
    return intervals_of(scorers_of(task, y, predicted, threshold), len(y), resamples, seed), resamples


def scorers_of(task: Task, y: Labels, predicted: Floats, threshold: float | None) -> dict[str, Scorer]:
    """The weighted form of each metric of `training.metrics`."""
    if task == "regression":
        return _of_numbers(y, predicted)
    found = {"auc": scorer_of(task, y, predicted)}
    if task == "multiclass":
        return found | _of_classes(y, predicted)
    return found | _of_two(y == 1, predicted, 0.5 if threshold is None else threshold)


def _of_two(positive: npt.NDArray[np.bool_], given: Floats, threshold: float) -> dict[str, Scorer]:
    decided = given >= threshold
    hit = decided & positive
    return {
        "average_precision": _average_precision(positive, given),
        "log_loss": _mean(_log_loss(np.where(positive, given, 1 - given))),
        "brier": _mean((given - positive) ** 2),
        "acc": _mean((given >= 0.5) == positive),
        "acc_at_threshold": _mean(decided == positive),
        "f1_at_threshold": _share(2 * hit, decided.astype(np.float64) + positive),
        "precision_at_threshold": _share(hit, decided),
        "recall_at_threshold": _share(hit, positive),
    }


def _of_classes(y: Labels, given: Floats) -> dict[str, Scorer]:
    decided, classes = given.argmax(axis=1), range(given.shape[1])
    each = [_share(2 * ((decided == k) & (y == k)), (decided == k).astype(np.float64) + (y == k)) for k in classes]
    return {
        "acc": _mean(decided == y),
        "log_loss": _mean(_log_loss(given[np.arange(len(y)), y])),
        "f1_macro": lambda weights: np.asarray(np.mean([scorer(weights) for scorer in each], axis=0)),
        **{f"recall_class_{k}": _share((decided == k) & (y == k), y == k) for k in classes},
    }


def _of_numbers(y: Labels, given: Floats) -> dict[str, Scorer]:
    squares = _mean((given - y) ** 2)
    return {
        "r2": scorer_of("regression", y, given),
        "rmse": lambda weights: np.sqrt(squares(weights)),
        "mae": _mean(np.abs(given - y)),
        "within_10_percent": _mean(np.abs(given - y) <= NEAR * np.abs(y)),
    }


def _mean(values: npt.NDArray[Any]) -> Scorer:
    numbers = values.astype(np.float64)
    return lambda weights: np.asarray(weights @ numbers / weights.sum(axis=1))


def _share(part: npt.NDArray[Any], whole: npt.NDArray[Any]) -> Scorer:
    """A part in its whole, 0 where the draw has none of it."""
    above, below = part.astype(np.float64), whole.astype(np.float64)

    def scores(weights: Floats) -> Floats:
        count = weights @ below
        return np.asarray(np.divide(weights @ above, count, out=np.zeros(len(weights)), where=count > 0))

    return scores


def _log_loss(of_the_truth: Floats) -> Floats:
    least = np.finfo(np.float64).eps
    return np.asarray(-np.log(np.clip(of_the_truth, least, 1 - least)))


def _average_precision(positive: npt.NDArray[np.bool_], given: Floats) -> Scorer:
    """The mean of the precisions, weighted by the gain in recall; equal scores are one step."""
    order = np.argsort(-given, kind="stable")
    ordered, is_positive = given[order], positive[order]
    ends = np.flatnonzero(np.r_[ordered[1:] != ordered[:-1], True])

    def scores(weights: Floats) -> Floats:
        drawn = weights[:, order]
        hits, rows = np.cumsum(drawn * is_positive, axis=1)[:, ends], np.cumsum(drawn, axis=1)[:, ends]
        precision = np.divide(hits, rows, out=np.zeros_like(hits), where=rows > 0)
        gained = np.diff(hits, axis=1, prepend=0.0)
        total = hits[:, -1]
        area = (gained * precision).sum(axis=1)
        return np.asarray(np.divide(area, total, out=np.full(len(total), np.nan), where=total > 0))

    return scores
