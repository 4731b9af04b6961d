"""What a training does in another way for two classes, for several classes, and for numbers.

A worker process imports this module: it imports no more than a fit needs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from sklearn.metrics import r2_score, roc_auc_score

from tabi.contract import Task as TaskName
from tabi.training.metrics import (
    Floats,
    Labels,
    binary_metrics,
    multiclass_metrics,
    one_vs_rest_auc,
    regression_metrics,
)

# rows of the rarest class, and rows in all, that a validation fold should have
RAREST_PER_FOLD, NUMBERS_PER_FOLD = 10, 50


class Task(ABC):
    """One kind of target.

    A prediction of N rows is float64[N], the positive class's probability, of two classes; float64[N, k] of several;
    float64[N] of numbers. `score_name`: the score that a search goes by, as it is tracked; greater is better.
    `headline`: the metrics of a result line.
    """

    name: ClassVar[TaskName]
    score_name: ClassVar[str]
    score_label: ClassVar[str]
    headline: ClassVar[tuple[str, str]]
    # whether rows have classes, in whose proportions they are cut
    classified: ClassVar[bool] = True

    @abstractmethod
    def kept(self, predictions: Any) -> Floats:
        """What is kept of an estimator's `predict_proba`, or of its `predict` where there are no classes."""

    @abstractmethod
    def worth(self, y: Labels, predicted: Floats) -> float:
        """The score of finite predictions."""

    @abstractmethod
    def metrics(self, y: Labels, predicted: Floats, threshold: float | None) -> dict[str, float]:
        """The metrics of the test rows. `threshold`: that of a binary decision."""

    @abstractmethod
    def rows_needed(self, y: Labels, folds: int) -> float:
        """Rows on which a candidate can be told from another in so many folds."""

    def predict(self, model: Any, X: Any) -> Floats:
        """What a fitted model predicts."""
        return self.kept(model.predict_proba(X) if self.classified else model.predict(X))

    def score(self, y: Labels, predicted: Floats) -> float:
        """How good predictions are; NaN where one of them is not finite."""
        return self.worth(y, predicted) if np.isfinite(predicted).all() else float("nan")


class Binary(Task):
    """One of two classes."""

    name = "binary"
    score_name = "auc"
    score_label = "ROC AUC"
    headline = ("auc", "acc")

    def kept(self, predictions: Any) -> Floats:
        """The probability of the positive class."""
        return np.asarray(predictions[:, 1], dtype=np.float64)

    def worth(self, y: Labels, predicted: Floats) -> float:
        """ROC AUC."""
        return float(roc_auc_score(y, predicted))

    def metrics(self, y: Labels, predicted: Floats, threshold: float | None) -> dict[str, float]:
        """Those of two classes, decided at the threshold."""
        return binary_metrics(y, predicted, 0.5 if threshold is None else threshold)

    def rows_needed(self, y: Labels, folds: int) -> float:
        """So many that a fold expects ten of the rarer class."""
        return folds * RAREST_PER_FOLD / float(min(y.mean(), 1 - y.mean()))


class Multiclass(Task):
    """One of several classes."""

    name = "multiclass"
    score_name = "auc"
    score_label = "mean one-vs-rest ROC AUC"
    headline = ("auc", "acc")

    def kept(self, predictions: Any) -> Floats:
        """The probabilities of all classes."""
        return np.asarray(predictions, dtype=np.float64)

    def worth(self, y: Labels, predicted: Floats) -> float:
        """The mean over the classes of the ROC AUC of each against the rest."""
        return one_vs_rest_auc(y, predicted)

    def metrics(self, y: Labels, predicted: Floats, threshold: float | None) -> dict[str, float]:  # noqa: ARG002
        """Those of several classes."""
        return multiclass_metrics(y, predicted)

    def rows_needed(self, y: Labels, folds: int) -> float:
        """So many that a fold expects ten of the rarest class."""
        return float(folds * RAREST_PER_FOLD * len(y) / np.bincount(y).min())


class Regression(Task):
    """A number.

    The score is R²: within a fold it ranks as the mean squared error does, and it has no unit, so that folds, projects
    and a gate's bound can be compared.
    """

    name = "regression"
    score_name = "r2"
    score_label = "R²"
    headline = ("r2", "rmse")
    classified = False

    def kept(self, predictions: Any) -> Floats:
        """The numbers."""
        return np.asarray(predictions, dtype=np.float64)

    def worth(self, y: Labels, predicted: Floats) -> float:
        """R²."""
        return float(r2_score(y, predicted))

    def metrics(self, y: Labels, predicted: Floats, threshold: float | None) -> dict[str, float]:  # noqa: ARG002
        """Those of numbers."""
        return regression_metrics(y, predicted)

    def rows_needed(self, y: Labels, folds: int) -> float:  # noqa: ARG002
        """So many that R² of a fold is no luck."""
        return float(folds * NUMBERS_PER_FOLD)


BINARY = Binary()
TASKS: dict[TaskName, Task] = {task.name: task for task in (BINARY, Multiclass(), Regression())}
