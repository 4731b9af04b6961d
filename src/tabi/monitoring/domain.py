"""Drift of columns together: can a classifier tell served rows from those of the training snapshot?

Where all columns keep their own distributions but no longer go together, nothing else sees it. The area under the ROC
curve of the classifier is 0.5 where both sets of rows are alike (Lopez-Paz and Oquab, "Revisiting classifier two-sample
tests", ICLR 2017).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt

import msgspec
import numpy as np
import numpy.typing as npt

from tabi.contract.bins import Floats
from tabi.monitoring.watched import Values

# of the served rows and of the snapshot's, each
MOST = 4000
# fewer of either tell nothing
LEAST = 200
FOLDS = 3
NAMED = 3
# an area below it is a difference that no model would mind
FLOOR = 0.55
_SEED = 42


class Domains(msgspec.Struct, frozen=True):
    """`auc` with its interval, by DeLong. `columns`: those that tell the rows apart, and by how much of the area."""

    auc: float
    low: float
    high: float
    rows: int
    reference_rows: int
    columns: dict[str, float]

    @property
    def drifted(self) -> bool:
        """Whether the rows can be told apart, more than by chance and by more than a little."""
        return self.low > 0.5 and self.auc > FLOOR


def compare_domains(
    reference: Mapping[str, Values], now: Mapping[str, Values], confidence: float = 0.99
) -> Domains | None:
    """Both sets of rows by cross-validation; None where either has fewer than `LEAST` rows that can be scored.

    Each row is scored by a classifier that has seen neither it nor one that is equal to it: who asks for the same row
    again and again would otherwise be known by that. It takes seconds at `MOST` rows.
    """
    names = [name for name in reference if name in now]
    rows, of_reference = (len(values[names[0]]) if names else 0 for values in (now, reference))
    if min(rows, of_reference) < LEAST:
        return None
    X = np.column_stack([_numbers(reference[name], now[name]) for name in names])
    y = np.r_[np.zeros(of_reference), np.ones(rows)]
    categorical = [isinstance(reference[name], list) for name in names]
    scores, gains = _out_of_fold(X, y, categorical)
    y, scores = y[np.isfinite(scores)], scores[np.isfinite(scores)]
    if min(y.sum(), (1 - y).sum()) < LEAST:
        return None
    auc, error = delong(scores[y == 1], scores[y == 0])
    from scipy.stats import norm

    margin = float(norm.isf((1 - confidence) / 2)) * error
    apart = sorted(zip(names, gains, strict=True), key=lambda each: each[1], reverse=True)
    told = {name: gain for name, gain in apart[:NAMED] if gain > 0.005}
    return Domains(auc, max(auc - margin, 0.0), min(auc + margin, 1.0), rows, of_reference, told)


def delong(positive: Floats, negative: Floats) -> tuple[float, float]:
    """The area under the ROC curve and its standard error.

    DeLong, DeLong and Clarke-Pearson, Biometrics 1988; by ranks as Sun and Xu, IEEE Signal Processing Letters 2014.
    """
    from scipy.stats import rankdata

    m, n = len(positive), len(negative)
    all_ranks = rankdata(np.r_[positive, negative])
    of_positive = (all_ranks[:m] - rankdata(positive)) / n
    of_negative = 1 - (all_ranks[m:] - rankdata(negative)) / m
    variance = float(of_positive.var(ddof=1)) / m + float(of_negative.var(ddof=1)) / n
    return float(of_positive.mean()), sqrt(variance)


def _numbers(reference: Values, now: Values) -> Floats:
    """One column of both sets. A category becomes its place by how common it is; beyond the 250 first it is one."""
    if isinstance(reference, np.ndarray) and isinstance(now, np.ndarray):
        return np.concatenate([reference, now])
    texts, places, counts = np.unique([*reference, *now], return_inverse=True, return_counts=True)
    ranks = np.empty(len(texts), np.float64)
    ranks[np.argsort(-counts, kind="stable")] = np.arange(len(texts))
    return np.minimum(ranks, 250)[places]


def _out_of_fold(X: Floats, y: Floats, categorical: Sequence[bool]) -> tuple[Floats, list[float]]:
    """A score for each row, and what is lost of the area where a column is shuffled, by column.

    A score is NaN where the fold, or the rest, has rows of one set alone.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    scores = np.full(len(y), np.nan)
    lost = np.zeros(X.shape[1])
    random = np.random.default_rng(_SEED)
    folds = _folds(X, random)
    for fold in range(FOLDS):
        train, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        if len(np.unique(y[train])) < 2 or len(np.unique(y[test])) < 2:
            continue
        model = HistGradientBoostingClassifier(
            max_iter=60, max_leaf_nodes=15, categorical_features=list(categorical), random_state=_SEED
        ).fit(X[train], y[train])
        scores[test] = model.predict_proba(X[test])[:, 1]
        whole = _area(scores[test], y[test])
        for place in range(X.shape[1]):
            shuffled = X[test].copy()
            random.shuffle(shuffled[:, place])
            lost[place] += (whole - _area(model.predict_proba(shuffled)[:, 1], y[test])) / FOLDS
    return scores, [float(each) for each in lost]


def _folds(X: Floats, random: np.random.Generator) -> npt.NDArray[np.int64]:
    """The fold of each row; equal rows have one."""
    bits = np.ascontiguousarray(np.where(np.isnan(X), np.nan, X) + 0.0).view(np.dtype((np.void, X.shape[1] * 8)))
    distinct, places = np.unique(bits.ravel(), return_inverse=True)
    return np.asarray((random.permutation(len(distinct)) % FOLDS)[places], dtype=np.int64)


def _area(scores: Floats, y: Floats) -> float:
    return delong(scores[y == 1], scores[y == 0])[0]
