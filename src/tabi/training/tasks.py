"""What a training does in another way for two classes, for several classes, and for numbers.

A worker process imports this module: it imports no more than a fit needs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.metrics import r2_score, roc_auc_score

from tabi.contract import Task as TaskName

Floats = npt.NDArray[np.float64]
# int8 of two classes, int64 of several, float64 of a regression: see `tabi.data.frame.encode_target`
Labels = npt.NDArray[Any]


class Task(ABC):
    """One kind of target.

    A prediction of N rows is float64[N], the positive class's probability, of two classes; float64[N, k] of several;
    float64[N] of numbers. `score_name`: the score that a search goes by, as it is tracked; greater is better.
    """

    name: ClassVar[TaskName]
    score_name: ClassVar[str]
    score_label: ClassVar[str]

    @abstractmethod
    def predict(self, model: Any, X: Any) -> Floats:
        """What a fitted model predicts."""

    @abstractmethod
    def score(self, y: Labels, predicted: Floats) -> float:
        """How good predictions are; NaN where one of them is not finite."""


class _Classes(Task):
    score_name = "auc"

    def predict(self, model: Any, X: Any) -> Floats:
        """The probabilities."""
        return self.kept(model.predict_proba(X))

    def kept(self, probabilities: Any) -> Floats:
        """What is kept of the probabilities of all classes."""
        return np.asarray(probabilities, dtype=np.float64)


class Binary(_Classes):
    """One of two classes."""

    name = "binary"
    score_label = "ROC AUC"

    def kept(self, probabilities: Any) -> Floats:
        """Those of the positive class."""
        return np.asarray(probabilities[:, 1], dtype=np.float64)

    def score(self, y: Labels, predicted: Floats) -> float:
        """ROC AUC."""
        return float(roc_auc_score(y, predicted)) if np.isfinite(predicted).all() else float("nan")


class Multiclass(_Classes):
    """One of several classes. The score is the mean ROC AUC of each class against the rest."""

    name = "multiclass"
    score_label = "mean one-vs-rest ROC AUC"

    def score(self, y: Labels, predicted: Floats) -> float:
        """The mean over the classes of the ROC AUC against the rest."""
        if not np.isfinite(predicted).all():
            return float("nan")
        return float(roc_auc_score(y, predicted, multi_class="ovr", labels=np.arange(predicted.shape[1])))


class Regression(Task):
    """A number.

    The score is R²: within a fold it ranks as the mean squared error does, and it has no unit, so that folds, projects
    and a gate's bound can be compared.
    """

    name = "regression"
    score_name = "r2"
    score_label = "R²"

    def predict(self, model: Any, X: Any) -> Floats:
        """The numbers."""
        return np.asarray(model.predict(X), dtype=np.float64)

    def score(self, y: Labels, predicted: Floats) -> float:
        """R²."""
        return float(r2_score(y, predicted)) if np.isfinite(predicted).all() else float("nan")


BINARY = Binary()
TASKS: dict[TaskName, Task] = {task.name: task for task in (BINARY, Multiclass(), Regression())}
