"""What predictions of the test rows are worth, under the names that are tracked."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    brier_score_loss,
    f1_score,
    log_loss,
    mean_absolute_error,
    precision_score,
    r2_score,
    recall_score,
    roc_auc_score,
    root_mean_squared_error,
)

Floats = npt.NDArray[np.float64]
# int8 of two classes, int64 of several, float64 of a regression: see `tabi.data.frame.encode_target`
Labels = npt.NDArray[Any]

# how near a number must come to count into `within_10_percent`
NEAR = 0.1


def binary_metrics(y: Labels, probability: Floats, threshold: float) -> dict[str, float]:
    """Two classes: `acc` decides at 0.5; what ends in `_at_threshold` at `threshold`."""
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


def multiclass_metrics(y: Labels, probabilities: Floats) -> dict[str, float]:
    """Several classes, a row being of the most probable one. `recall_class_i`: the contract's class number i."""
    classes = np.arange(probabilities.shape[1])
    decided = probabilities.argmax(axis=1)
    recalls = recall_score(y, decided, labels=classes, average=None, zero_division=0)
    return {
        "auc": one_vs_rest_auc(y, probabilities),
        "acc": float(accuracy_score(y, decided)),
        "log_loss": float(log_loss(y, probabilities, labels=classes)),
        "f1_macro": float(f1_score(y, decided, labels=classes, average="macro", zero_division=0)),
        **{f"recall_class_{i}": float(recall) for i, recall in enumerate(recalls)},
        "test_rows": float(len(y)),
    }


def regression_metrics(y: Labels, value: Floats) -> dict[str, float]:
    """Numbers. `within_10_percent`: the share of rows whose prediction is off by at most a tenth of the true number."""
    return {
        "r2": float(r2_score(y, value)),
        "rmse": float(root_mean_squared_error(y, value)),
        "mae": float(mean_absolute_error(y, value)),
        "within_10_percent": float(np.mean(np.abs(value - y) <= NEAR * np.abs(y))),
        "test_rows": float(len(y)),
    }


def one_vs_rest_auc(y: Labels, probabilities: Floats) -> float:
    """The mean over the classes of the ROC AUC of each against the rest."""
    return float(roc_auc_score(y, probabilities, multi_class="ovr", labels=np.arange(probabilities.shape[1])))
