"""From the outcomes of fits to the scores of candidates, and what is told of it on the way."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tabi.errors import TrainingError
from tabi.project import SearchConfig
from tabi.training.choice import CandidateScore
from tabi.training.fits import Build, FitOutcome
from tabi.training.plan import TWO_CLASSES_AT_RANDOM, Plan
from tabi.training.presets import Params, Space
from tabi.training.split import Folds, Labels
from tabi.training.stages import Floats

if TYPE_CHECKING:
    from tabi.training.ahead import Ahead

# told after each fit: fits done, their total, the best mean score of a candidate so far (NaN: none yet)
OnStep = Callable[[int, int, float], None]


@dataclass(frozen=True)
class Problem:
    """What a search is over: the grids of candidates, how one is built, the training rows, and how it is judged.

    `ahead`: whether the winner will be fitted on these rows, so that it pays to begin with that.
    """

    build: Build
    grids: Sequence[Space]
    X: pd.DataFrame
    y: Labels
    config: SearchConfig
    seed: int
    plan: Plan = TWO_CLASSES_AT_RANDOM
    ahead: bool = False


@dataclass(frozen=True)
class Tried:
    """What a strategy tried.

    `last`: the scores of the candidates that saw all rows and all `folds`. `outcomes`: what they are made from.
    `ahead`: the fit of all rows, where one was asked for and one shared fit was left.
    """

    table: list[CandidateScore]
    last: list[CandidateScore]
    outcomes: list[FitOutcome]
    folds: Folds
    ahead: Ahead | None = None

    def out_of_fold(self, candidate: int, rows: int) -> Floats:
        """What the candidate predicts for each of the training rows, from the fold that did not see it."""
        own = [outcome for outcome in self.outcomes if outcome.candidate == candidate]
        result = np.full((rows, *own[0].predicted.shape[1:]), np.nan)
        for outcome in own:
            result[self.folds[outcome.fold][1]] = outcome.predicted
        return result


class Progress:
    """Counts fits, and knows the best mean that a candidate reached in the present rung."""

    def __init__(self, total: int, folds: int, on_step: OnStep) -> None:
        self._done, self._total, self._folds, self._on_step = 0, total, folds, on_step
        self._scores: dict[int, list[float]] = {}
        self._best = math.nan

    def add(self, batch: list[FitOutcome]) -> None:
        """A fit was done."""
        for outcome in batch:
            scores = self._scores.setdefault(outcome.candidate, [])
            scores.append(outcome.score)
            if len(scores) == self._folds:
                self._best = max(float(np.mean(self._scores.pop(outcome.candidate))), self._best)
        self.skip(1)

    def skip(self, fits: int) -> None:
        """So many fits are done, or need not be done."""
        if fits:
            self._done += fits
            self._on_step(self._done, self._total, self._best)


def refuse_non_finite(batch: list[FitOutcome], candidates: Mapping[int, Params], rows: int) -> None:
    """`TrainingError` naming candidate and fold of a score that is not finite."""
    for outcome in batch:
        if not math.isfinite(outcome.score):
            raise TrainingError(
                f"candidate {candidates[outcome.candidate]} has no finite score in fold {outcome.fold} of the rung of "
                f"{rows} rows: change search.space or params"
            )


def scores_of(
    outcomes: list[FitOutcome], candidates: Mapping[int, Params], rung: int, rows: int
) -> list[CandidateScore]:
    """The score of each candidate in a rung of so many rows, by number."""
    result = []
    for candidate, params in sorted(candidates.items()):
        own = sorted((o for o in outcomes if o.candidate == candidate), key=lambda o: o.fold)
        scores, seconds = tuple(o.score for o in own), tuple(o.seconds for o in own)
        costs = tuple(o.cost for o in own)
        result.append(CandidateScore(rung, rows, candidate, params, scores, seconds, costs))
    return result
