"""What reports are about: a fitted pipeline, its rows, and what it answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import accuracy_score, r2_score, roc_auc_score

from tabi.contract import Contract
from tabi.contract.document import Task
from tabi.project import ThresholdConfig
from tabi.training.stages import Floats
from tabi.training.tasks import TASKS

# what larger is better of, by task
METRICS: dict[Task, str] = {"binary": "auc", "multiclass": "accuracy", "regression": "r2"}


class Rows(NamedTuple):
    """Rows as a canonical frame, and their target: 0 or 1, the class's index, or the number."""

    X: pd.DataFrame
    y: npt.NDArray[Any]


@dataclass(frozen=True)
class Subject:
    """A fitted pipeline and what it answered.

    `prediction`: for the test rows, the probability of the positive class [N], of all classes [N, k], or the value [N].
    `out_of_fold`: the same of the training rows by models that did not see them, NaN where there is none; None if it
    is not known. `fit`: fits the same pipeline anew on other rows. `threshold`: of a binary task.
    """

    contract: Contract
    pipeline: Any = field(repr=False)
    training: Rows = field(repr=False)
    test: Rows = field(repr=False)
    prediction: Floats = field(repr=False)
    fit: Callable[[pd.DataFrame, npt.NDArray[Any]], Any] = field(repr=False)
    threshold: float | None = None
    out_of_fold: Floats | None = field(default=None, repr=False)
    chosen: ThresholdConfig = field(default_factory=ThresholdConfig)
    seed: int = 42

    @property
    def task(self) -> Task:
        """What is predicted."""
        return self.contract.target.task

    @property
    def metric(self) -> str:
        """What `score` measures; larger is better."""
        return METRICS[self.task]

    def predict(self, X: pd.DataFrame, pipeline: Any = None) -> Floats:
        """What a pipeline, by default the subject's own, answers for rows."""
        return answers_of(pipeline or self.pipeline, X, self.task)

    def score(self, y: npt.NDArray[Any], prediction: Floats) -> float:
        """The metric of answers; NaN where the rows do not allow it, such as those of one class."""
        return score_of(self.task, y, prediction)

    def sample(self, rows: Rows, most: int) -> Rows:
        """At most so many of the rows, drawn by the seed, in their order."""
        if len(rows.X) <= most:
            return rows
        chosen = np.sort(np.random.default_rng(self.seed).permutation(len(rows.X))[:most])
        return Rows(rows.X.iloc[chosen], rows.y[chosen])


def answers_of(pipeline: Any, X: pd.DataFrame, task: Task) -> Floats:
    """What a fitted pipeline answers for rows: probabilities [N] or [N, k], or values [N]."""
    return TASKS[task].predict(pipeline, X)


def score_of(task: Task, y: npt.NDArray[Any], prediction: Floats) -> float:
    """The metric of a task's answers; NaN where the rows do not allow it."""
    if task == "binary":
        return float(roc_auc_score(y, prediction)) if 0 < y.sum() < len(y) else float("nan")
    if task == "multiclass":
        return float(accuracy_score(y, prediction.argmax(axis=1)))
    return float(r2_score(y, prediction)) if len(y) > 1 else float("nan")
