"""Trials: each is proposed by Optuna's TPE from the scores of those before it, and given up where it lags behind.

A trial is one fit a fold, so the candidates that differ only in their number of trees come with it, and its value is
that of the best of them. Trials come in batches of a fixed size, whatever the number of workers, and go through the
folds side by side: the same seed gives the same trials everywhere.

A trial is given up when, after two folds or more, its mean is below the median of the finished trials' means over the
same folds. Optuna's own pruners do not fit folds: its median rule takes the best step of a trial, which one easy fold
decides, and of five folds its Wilcoxon test needs four.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from statistics import fmean, median
from typing import TYPE_CHECKING

from tabi.training.choice import CandidateScore
from tabi.training.codes import coded
from tabi.training.fits import FitOutcome, FitTask, FoldData, SharedFit
from tabi.training.outcomes import OnStep, Problem, Progress, Tried, refuse_non_finite, scores_of
from tabi.training.prepared import fold_data
from tabi.training.proposals import Proposals
from tabi.training.split import Folds

if TYPE_CHECKING:
    import pandas as pd
    from optuna.trial import Trial as Proposed

    from tabi.training.backends import Workers

BATCH = 4
# before this many trials are finished, none is given up; nor is one that has seen fewer folds
FINISHED, FOLDS_SEEN = 5, 2


@dataclass
class Trial:
    """One shared fit on its way through the folds."""

    proposed: Proposed
    shared: SharedFit
    outcomes: list[FitOutcome] = field(default_factory=list)
    given_up: bool = False

    def mean(self, folds: int) -> float:
        """The mean over the first folds, of the candidate for which it is highest."""
        scores: dict[int, list[float]] = {}
        for outcome in self.outcomes:
            if outcome.fold < folds:
                scores.setdefault(outcome.candidate, []).append(outcome.score)
        return max(map(fmean, scores.values()))

    def lags(self, finished: list[Trial], folds: int) -> bool:
        """Whether it is to be given up after so many folds."""
        if len(finished) < FINISHED or folds < FOLDS_SEEN:
            return False
        return self.mean(folds) < median(other.mean(folds) for other in finished)


def try_trials(problem: Problem, workers: Workers, on_step: OnStep) -> Tried:
    """As many trials as `config.candidates` says, or as there are different ones."""
    config = problem.config
    folds = problem.plan.folds(problem.y, config.folds, problem.seed)
    progress = Progress(config.candidates * config.folds, config.folds, on_step)
    fits = _Fits(problem, workers, progress, folds)
    finished: list[Trial] = []
    given_up: list[Trial] = []
    with Proposals(problem) as proposals:
        while batch := [Trial(*proposal) for proposal in proposals.next(min(BATCH, fits.left // config.folds))]:
            for fold in range(config.folds):
                alive = [trial for trial in batch if not trial.given_up]
                fits.run(alive, fold)
                for trial in alive:
                    trial.given_up = fold + 1 < config.folds and trial.lags(finished, fold + 1)
                    if trial.given_up:
                        fits.skip(config.folds - fold - 1)
            for trial in batch:
                (given_up if trial.given_up else finished).append(trial)
                proposals.tell(trial.proposed, [trial.mean(n + 1) for n in range(_seen(trial))], trial.given_up)
    progress.skip(fits.left)
    table = [score for trial in (*finished, *given_up) for score in _scores(trial, len(problem.y))]
    last = [score for trial in finished for score in _scores(trial, len(problem.y))]
    outcomes = [outcome for trial in finished for outcome in trial.outcomes]
    return Tried(sorted(table, key=lambda s: s.candidate), sorted(last, key=lambda s: s.candidate), outcomes, folds)


class _Fits:
    """Does the fits of trials, each fold's rows prepared once for all that share a preparation."""

    def __init__(self, problem: Problem, workers: Workers, progress: Progress, folds: Folds) -> None:
        self._problem, self._workers, self._progress, self._folds = problem, workers, progress, folds
        self._tables: dict[str, pd.DataFrame] = {}
        self._data: dict[tuple[str, int], FoldData] = {}
        self.left = problem.config.candidates * len(folds)

    def run(self, trials: list[Trial], fold: int) -> None:
        """Each trial in this fold, side by side."""
        outcomes = self._workers.run(self._tasks(trials, fold), self.left)
        for trial, batch in zip(trials, outcomes, strict=True):
            refuse_non_finite(batch, trial.shared.candidates, len(self._problem.y))
            trial.outcomes += batch
            self._progress.add(batch)
            self.left -= 1

    def skip(self, fits: int) -> None:
        """These need not be done."""
        self._progress.skip(fits)
        self.left -= fits

    def _tasks(self, trials: list[Trial], fold: int) -> Iterator[FitTask]:
        for shared in (trial.shared for trial in trials):
            yield FitTask(replace(shared, prep=None), fold, self._rows(shared, fold))

    def _rows(self, shared: SharedFit, fold: int) -> FoldData:
        key, problem = shared.prep_key, self._problem
        if key not in self._tables:
            self._tables[key] = coded(problem.X, shared.prep)
        if (key, fold) not in self._data:
            rows = self._folds[fold]
            self._data[key, fold] = fold_data(shared.prep, self._tables[key], problem.y, rows, problem.plan.task)
        return self._data[key, fold]


def _seen(trial: Trial) -> int:
    return len({outcome.fold for outcome in trial.outcomes})


def _scores(trial: Trial, rows: int) -> list[CandidateScore]:
    """The rung of a trial is the last fold that it saw: only those that saw all of them are in the last one."""
    return scores_of(trial.outcomes, trial.shared.candidates, _seen(trial) - 1, rows)
