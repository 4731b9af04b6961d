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

    `scores` is its score per fold, `seconds` its share of the fit time per fold, `costs` the estimated µs a row of
    each fold's fit. Of a trial that Optuna proposed the rung is the last fold that it saw.
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

    def behind(self, best: CandidateScore) -> tuple[float, float]:
        """How far the mean lies behind that of `best`, and the standard error of that, fold by fold.

        All candidates are scored on the same folds, so the folds' own differences drop out.
        """
        gaps = np.subtract(best.scores, self.scores)
        return float(np.mean(gaps)), float(np.std(gaps, ddof=1) / math.sqrt(len(gaps)))

    @property
    def cost(self) -> float:
        """Estimated µs a row to serve it, the mean over the folds."""
        return float(np.mean(self.costs))


def best_of(scores: Sequence[CandidateScore]) -> CandidateScore:
    """The highest mean; of equal ones the earlier candidate."""
    return min(scores, key=lambda s: (-s.mean, s.candidate))


def winner_of(scores: Sequence[CandidateScore], select: Select) -> CandidateScore:
    """The winner among the candidates of the last rung.

    `cheapest`: the least cost of those that lie no more than one standard error behind the best; of equal costs the
    better. Where a cost is not known, the best wins.
    """
    best = best_of(scores)
    if select is Select.best or not all(math.isfinite(s.cost) for s in scores):
        return best
    return min(near_best(scores), key=lambda s: (s.cost, -s.mean, s.candidate))


def near_best(scores: Sequence[CandidateScore]) -> list[CandidateScore]:
    """The best, and the candidates that lie no more than one standard error behind it."""
    best = best_of(scores)
    behind = ((score, *score.behind(best)) for score in scores)
    return [score for score, gap, error in behind if score is best or gap <= error]


def front_of(scores: Sequence[CandidateScore]) -> list[CandidateScore]:
    """The candidates that no other beats in both cost and mean, from the cheapest to the best."""
    front: list[CandidateScore] = []
    for score in sorted(scores, key=lambda s: (s.cost, -s.mean, s.candidate)):
        if math.isfinite(score.cost) and (not front or score.mean > front[-1].mean):
            front.append(score)
    return front
