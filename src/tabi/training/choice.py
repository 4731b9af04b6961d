"""Which candidate wins: of those within one standard error of the best, the one that costs least to serve."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tabi.project.config import Select
from tabi.training.presets import Params


@dataclass(frozen=True)
class CandidateScore:
    """One candidate in one rung.

    `scores` is its ROC AUC per fold, `seconds` its share of the fit time per fold, `costs` the estimated µs a row of
    each fold's fit.
    """

    rung: int
    n_resources: int
    candidate: int
    params: Params
    scores: tuple[float, ...]
    seconds: tuple[float, ...]
    costs: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean score over the folds."""
        return float(np.mean(self.scores))

    @property
    def standard_error(self) -> float:
        """Of the mean over the folds."""
        return float(np.std(self.scores, ddof=1) / math.sqrt(len(self.scores)))

    @property
    def cost(self) -> float:
        """Estimated µs a row to serve it, the mean over the folds."""
        return float(np.mean(self.costs))


def best_of(scores: Sequence[CandidateScore]) -> CandidateScore:
    """The highest mean; of equal ones the earlier candidate."""
    return min(scores, key=lambda s: (-s.mean, s.candidate))


def winner_of(scores: Sequence[CandidateScore], select: Select) -> CandidateScore:
    """The winner among the candidates of the last rung.

    `cheapest`: the least cost of those whose mean lies within one standard error of the best one's mean; of equal
    costs the better. Where a cost is not known, the best wins.
    """
    best = best_of(scores)
    if select is Select.best or not all(math.isfinite(s.cost) for s in scores):
        return best
    near = [s for s in scores if s.mean >= best.mean - best.standard_error]
    return min(near, key=lambda s: (s.cost, -s.mean, s.candidate))


def front_of(scores: Sequence[CandidateScore]) -> list[CandidateScore]:
    """The candidates that no other beats in both cost and mean, from the cheapest to the best."""
    front: list[CandidateScore] = []
    for score in sorted(scores, key=lambda s: (s.cost, -s.mean, s.candidate)):
        if math.isfinite(score.cost) and (not front or score.mean > front[-1].mean):
            front.append(score)
    return front
