"""What a way to learn is worth over all rows of a small table: repeated cross-validation."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import joblib
import numpy as np
import pandas as pd

from tabi.errors import ConfigError
from tabi.project import EvaluationConfig
from tabi.training.plan import TWO_CLASSES_AT_RANDOM, Plan
from tabi.training.rules import ByTime
from tabi.training.split import Labels
from tabi.training.stages import Floats

# what is predicted for unseen rows, learnt from others: (X, y, unseen X, the plan of X and y)
Learn = Callable[[pd.DataFrame, Labels, pd.DataFrame, Plan], Floats]


@dataclass(frozen=True)
class RepeatedScore:
    """Scores over repeats x folds, and their name. `standard_error` is `std` over the root of their number."""

    scores: tuple[float, ...]
    name: str = "auc"

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
        name = f"cv_{self.name}"
        return {f"{name}_mean": self.mean, f"{name}_std": self.std, f"{name}_se": self.standard_error}


def repeated_cross_validation(
    learn: Learn,
    X: pd.DataFrame,
    y: Labels,
    config: EvaluationConfig,
    seed: int,
    jobs: int,
    plan: Plan = TWO_CLASSES_AT_RANDOM,
) -> RepeatedScore:
    """Score `learn` on every fold of every repeat, each repeat shuffled by its own seed, `jobs` folds at a time.

    Whatever `learn` chooses, it chooses inside the fold's training rows, so the score is honest (nested).
    """
    if isinstance(plan.rule, ByTime):
        raise ConfigError("evaluation.repeats: folds in time cannot be shuffled again; leave it at 0")
    cuts = [cut for repeat in range(config.repeats) for cut in plan.folds(y, config.folds, seed + repeat)]
    pool = joblib.Parallel(joblib.effective_n_jobs(jobs), backend="loky", inner_max_num_threads=1)
    learnt = pool(joblib.delayed(learn)(X.iloc[t], y[t], X.iloc[v], plan.take(t)) for t, v in cuts)
    scores = [plan.task.worth(y[valid], predicted) for (_, valid), predicted in zip(cuts, learnt, strict=True)]
    return RepeatedScore(tuple(scores), plan.task.score_name)
