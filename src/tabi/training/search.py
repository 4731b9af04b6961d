"""Search: halving, some candidates drawn at random, or trials that learn from each other (`tabi.training.trials`).

Halving tries every candidate on few rows, the best of them on more, the last on all training rows. What differs from
scikit-learn's own: subsamples are stratified and nested, and cut into folds by the project's rule, no fold can hold a
single class, a preparation is fitted once per fold for all candidates that share it, candidates that differ only in
their number of trees share one fit and so stay in the race together, a score that is not finite is an error, and
progress is told. The number of trees is therefore always chosen on all training rows: chosen on few, it comes out too
small.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from sklearn.model_selection import ParameterGrid
from threadpoolctl import threadpool_limits

from tabi.errors import ConfigError
from tabi.project import SearchConfig
from tabi.project.config import Strategy
from tabi.training.ahead import Ahead
from tabi.training.backends import Workers, workers_of
from tabi.training.choice import CandidateScore, winner_of
from tabi.training.fits import Build, FitOutcome, shared_fits
from tabi.training.outcomes import OnStep, Problem, Progress, Tried, refuse_non_finite, scores_of
from tabi.training.plan import TWO_CLASSES_AT_RANDOM, Plan
from tabi.training.prepared import rung_tasks
from tabi.training.presets import Params, Space
from tabi.training.split import Labels
from tabi.training.stages import Floats
from tabi.training.trials import try_trials


@dataclass(frozen=True)
class SearchResult:
    """What a search found.

    `won`: the winner in the last rung. `table`: every candidate of every rung. `out_of_fold`: what the winner predicts
    for each training row, from the fold that did not see it; NaN for rows that are in no validation part. `ahead`: the
    fit of all rows, if it was asked for and could be begun.
    """

    won: CandidateScore
    table: tuple[CandidateScore, ...]
    out_of_fold: Floats = field(repr=False)
    ahead: Ahead | None = field(default=None, repr=False, compare=False)

    @property
    def best(self) -> Params:
        """Parameters of the winner."""
        return self.won.params

    @property
    def score(self) -> float:
        """The winner's mean score."""
        return self.won.mean

    @property
    def last(self) -> list[CandidateScore]:
        """The candidates of the last rung, which all saw all rows and all folds."""
        return [score for score in self.table if score.rung == self.won.rung]


@dataclass(frozen=True)
class Rung:
    """How many rows, and how many fits a fold are tried on them."""

    rows: int
    fits: int


def run_search(  # noqa: PLR0913 - rows, what is tried on them, and how it is judged
    build: Build,
    space: Space | Sequence[Space],
    X: pd.DataFrame,
    y: Labels,
    config: SearchConfig,
    seed: int,
    on_step: OnStep = lambda _done, _total, _best: None,
    *,
    plan: Plan = TWO_CLASSES_AT_RANDOM,
    ahead: bool = False,
) -> SearchResult:
    """The winner among the combinations of one or more grids, by the plan's score over the plan's folds and by cost.

    The same rows, space and seed give the same result to the last digit whatever `config.jobs` and `config.backend`
    are. `ahead`: the winner will be fitted on all these rows, so a worker without a task may begin with that. Raises
    `TrainingError` naming candidate and fold where a fit fails or a score is not finite.
    """
    problem = Problem(build, [space] if isinstance(space, dict) else list(space), X, y, config, seed, plan, ahead)
    strategy = try_trials if config.strategy is Strategy.optuna else try_rungs
    with threadpool_limits(1), workers_of(config) as workers:
        tried = strategy(problem, workers, on_step)
    won = winner_of(tried.last, config.select)
    return SearchResult(won, tuple(tried.table), tried.out_of_fold(won.candidate, len(y)), tried.ahead)


def try_rungs(problem: Problem, workers: Workers, on_step: OnStep) -> Tried:
    """Halving, or one rung of what a random search draws."""
    y, config, seed, plan = problem.y, problem.config, problem.seed, problem.plan
    alive = shared_fits(problem.build, _candidates(problem))
    if config.strategy is Strategy.random:
        rungs = [Rung(len(y), len(alive))]
    else:
        rungs = plan_rungs(len(y), plan.smallest(y, config), len(alive), config.factor)
    subsamples = plan.subsamples(y, [rung.rows for rung in rungs], seed)
    progress = Progress(sum(rung.fits for rung in rungs) * config.folds, config.folds, on_step)
    table: list[CandidateScore] = []
    for number, (rung, rows) in enumerate(zip(rungs, subsamples, strict=True)):
        alive = alive[: rung.fits]
        candidates = {number: params for fit in alive for number, params in fit.candidates.items()}
        folds = plan.take(rows).folds(y[rows], config.folds, seed)
        outcomes: list[FitOutcome] = []
        last = rung is rungs[-1] and len(alive) == 1
        ahead = Ahead.of(problem, alive[0], workers) if problem.ahead and last else None
        tasks = rung_tasks(alive, problem.X.iloc[rows], y[rows], folds, plan.task)
        left = sum(later.fits for later in rungs[number:]) * len(folds)
        for batch in workers.run(tasks, left):
            refuse_non_finite(batch, candidates, rung.rows)
            outcomes += batch
            progress.add(batch)
        scores = scores_of(outcomes, candidates, number, rung.rows)
        table += scores
        ranking = [score.candidate for score in sorted(scores, key=lambda s: (-s.mean, s.candidate))]
        alive = sorted(alive, key=lambda fit: min(ranking.index(i) for i in fit.candidates))
    return Tried(table, scores, outcomes, folds, ahead)


def _candidates(problem: Problem) -> list[Params]:
    """Every combination, or for a random search as many as it draws, in the order of the grids."""
    grid, config = ParameterGrid(list(problem.grids)), problem.config
    numbers: list[int] = list(range(len(grid)))
    if config.strategy is Strategy.random and config.candidates < len(grid):
        drawn = np.random.default_rng(problem.seed).choice(len(grid), config.candidates, replace=False)
        numbers = sorted(int(number) for number in drawn)
    return [dict(grid[number]) for number in numbers]


def plan_rungs(rows: int, smallest: int, fits: int, factor: int) -> list[Rung]:
    """Rungs from few rows to all `rows`; each keeps one fit in `factor`.

    There are as many as it takes to come down to fewer than `factor` fits, and no more than have room between
    `smallest` and `rows`. Sizes grow by one ratio, from `factor` to its cube: a fit costs less than its rows would say,
    and on too few of them the choice is luck.
    """
    if factor < 2:
        raise ConfigError(f"search.factor={factor} must be 2 or more")
    # the small term keeps log(27, 3) at 3
    steps = min(math.floor(math.log(size, factor) + 1e-9) for size in (fits, rows / smallest))
    growth = min((rows / smallest) ** (1 / steps), factor**3) if steps else 1.0
    return [Rung(round(rows / growth ** (steps - step)), math.ceil(fits / factor**step)) for step in range(steps + 1)]
