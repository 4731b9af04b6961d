"""What a fitted pipeline is worth: metrics on the test rows, and repeated cross-validation for small tables."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import joblib
import numpy as np
import pandas as pd
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    brier_score_loss,
    f1_score,
    log_loss,
    precision_score,
    recall_score,
    roc_auc_score,
)

from tabi.project import EvaluationConfig
from tabi.training.split import Labels, stratified_folds
from tabi.training.stages import Floats

# probability of the positive class for unseen rows, learnt from others: (X, y, unseen X)
Learn = Callable[[pd.DataFrame, Labels, pd.DataFrame], Floats]


def test_metrics(y: Labels, probability: Floats, threshold: float) -> dict[str, float]:
    """Metrics of the test rows. `acc` decides at 0.5; those that end in `_at_threshold` at `threshold`."""
    decided = (probability >= threshold).astype(np.int8)
    return {
        "auc": float(roc_auc_score(y, probability)),
        "average_precision": float(average_precision_score(y, probability)),
        "log_loss": float(log_loss(y, probability)),
        "brier": float(brier_score_loss(y, probability)),
        "acc": float(accuracy_score(y, probability >= 0.5)),
        "acc_at_threshold": float(accuracy_score(y, decided)),
        "f1_at_threshold": float(f1_score(y, decided, zero_division=0)),
        "precision_at_threshold": float(precision_score(y, decided, zero_division=0)),
        "recall_at_threshold": float(recall_score(y, decided, zero_division=0)),
        "test_rows": float(len(y)),
        "test_positive_share": float(y.mean()),
    }


@dataclass(frozen=True)
class RepeatedScore:
    """ROC AUC over repeats x folds. `standard_error` is `std` over the root of the number of scores."""

    scores: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean over all folds of all repeats."""
        return float(np.mean(self.scores))

    @property
    def std(self) -> float:
        """Standard deviation over all folds of all repeats."""
        return float(np.std(self.scores))

    @property
    def standard_error(self) -> float:
        """Of the mean, as if folds were independent; repeats share rows, so it is a little too small."""
        return self.std / math.sqrt(len(self.scores))

    def metrics(self) -> dict[str, float]:
        """The figures under the names that are tracked."""
        return {"cv_auc_mean": self.mean, "cv_auc_std": self.std, "cv_auc_se": self.standard_error}


def repeated_cross_validation(
    learn: Learn, X: pd.DataFrame, y: Labels, config: EvaluationConfig, seed: int, jobs: int
) -> RepeatedScore:
    """Score `learn` on every fold of every repeat, each repeat shuffled by its own seed, `jobs` folds at a time.

    Whatever `learn` chooses, it chooses inside the fold's training rows, so the score is honest (nested).
    """
    cuts = [cut for repeat in range(config.repeats) for cut in stratified_folds(y, config.folds, seed + repeat)]
    pool = joblib.Parallel(joblib.effective_n_jobs(jobs), backend="loky", inner_max_num_threads=1)
    learnt = pool(joblib.delayed(learn)(X.iloc[train], y[train], X.iloc[valid]) for train, valid in cuts)
    return RepeatedScore(tuple(float(roc_auc_score(y[valid], p)) for (_, valid), p in zip(cuts, learnt, strict=True)))
