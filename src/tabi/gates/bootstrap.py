"""Intervals by resampling the test rows, for scores of one model and for the difference of two on the same rows.

A resample is a weight for each row, how often it was drawn. Weighted scores need no copy of the rows, so a thousand
resamples of ten thousand rows take a second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tabi.contract import Task
from tabi.training.stages import Floats

Labels = npt.NDArray[Any]
# scores of each resample, NaN where it does not allow one: weights float64[B, N] -> float64[B]
Scorer = Callable[[Floats], Floats]

# weights that are held at a time
CELLS = 1_000_000


class Interval(NamedTuple):
    """An estimate and the ends of its interval; both ends are NaN where no resample has a value."""

    value: float
    low: float
    high: float


def scorer_of(task: Task, y: Labels, predicted: Floats) -> Scorer:
    """The score of a task: ROC AUC, its mean over the classes against the rest, or R²."""
    if task == "binary":
        return auc_scorer(y == 1, predicted)
    if task == "multiclass":
        each = [auc_scorer(y == place, predicted[:, place]) for place in range(predicted.shape[1])]
        return lambda weights: np.asarray(np.mean([scorer(weights) for scorer in each], axis=0))
    return _r2_scorer(y, predicted)


def auc_scorer(positive: npt.NDArray[np.bool_], score: Floats) -> Scorer:
    """ROC AUC by ranks, ties counted half."""
    order = np.argsort(score, kind="stable")
    ordered, is_positive = score[order], positive[order]
    begins = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])

    def scores(weights: Floats) -> Floats:
        drawn = weights[:, order]
        above = np.add.reduceat(drawn * is_positive, begins, axis=1)
        below = np.add.reduceat(drawn * ~is_positive, begins, axis=1)
        pairs = np.asarray((above * (np.cumsum(below, axis=1) - below / 2)).sum(axis=1))
        all_pairs = above.sum(axis=1) * below.sum(axis=1)
        return np.asarray(np.divide(pairs, all_pairs, out=np.full(len(weights), np.nan), where=all_pairs > 0))

    return scores


def _r2_scorer(y: Labels, predicted: Floats) -> Scorer:
    squares = (y - predicted) ** 2

    def scores(weights: Floats) -> Floats:
        total = weights.sum(axis=1)
        spread = weights @ y**2 - (weights @ y) ** 2 / total
        return np.asarray(1 - np.divide(weights @ squares, spread, out=np.full(len(weights), np.nan), where=spread > 0))

    return scores


def interval_of(scorer: Scorer, rows: int, resamples: int, seed: int, confidence: float = 0.95) -> Interval:
    """The percentile interval of a score."""
    drawn = np.concatenate([scorer(weights) for weights in _weights(rows, resamples, seed)])
    return _interval(float(scorer(np.ones((1, rows)))[0]), drawn, confidence)


def intervals_of(
    scorers: Mapping[str, Scorer], rows: int, resamples: int, seed: int, confidence: float = 0.95
) -> dict[str, Interval]:
    """As `interval_of` for several scores at once, over the same resamples."""
    whole = np.ones((1, rows))
    drawn: dict[str, list[Floats]] = {name: [] for name in scorers}
    for weights in _weights(rows, resamples, seed):
        for name, scorer in scorers.items():
            drawn[name].append(scorer(weights))
    return {
        name: _interval(float(scorer(whole)[0]), np.concatenate(drawn[name]), confidence)
        for name, scorer in scorers.items()
    }


def difference_of(
    ours: Scorer, theirs: Scorer, rows: int, resamples: int, seed: int, confidence: float = 0.95
) -> Interval:
    """The interval of the difference of two scores, each resample being of the same rows for both."""
    return interval_of(lambda weights: ours(weights) - theirs(weights), rows, resamples, seed, confidence)


def _interval(value: float, drawn: Floats, confidence: float) -> Interval:
    known = drawn[np.isfinite(drawn)]
    if not len(known):
        return Interval(value, np.nan, np.nan)
    low, high = np.quantile(known, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(value, float(low), float(high))


def _weights(rows: int, resamples: int, seed: int) -> Iterator[Floats]:
    random = np.random.default_rng(seed)
    block = max(1, CELLS // max(rows, 1))
    for begin in range(0, resamples, block):
        count = min(block, resamples - begin)
        drawn = random.integers(0, rows, (count, rows)) + rows * np.arange(count)[:, None]
        yield np.bincount(drawn.ravel(), minlength=count * rows).reshape(count, rows).astype(np.float64)
