"""What Optuna's TPE proposes to try next, as fits that have not been tried."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
from sklearn.model_selection import ParameterGrid

from tabi.errors import ConfigError
from tabi.training.fits import SharedFit, shared_fits
from tabi.training.outcomes import Problem
from tabi.training.presets import Params, Space
from tabi.training.stages import STAGES, stage_parameter

if TYPE_CHECKING:
    from optuna.trial import Trial

# so many trials are drawn at random before the first is proposed
DRAWN = 8
# asked so many times in vain for something new, it is drawn at random; and that is tried so many times
ASKED, RANDOM = 10, 100


class Proposal(NamedTuple):
    """What is to be tried: Optuna's trial, and the fit."""

    trial: Trial
    shared: SharedFit


class Proposals:
    """Proposals from the grids of a search. Use it as a context manager: Optuna is silent inside."""

    def __init__(self, problem: Problem) -> None:
        try:
            import optuna
        except ImportError as error:
            raise ConfigError("search.strategy=optuna needs Optuna: install tabi[optuna], or choose halving") from error
        self._optuna, self._build, self._grids = optuna, problem.build, problem.grids
        self._verbosity = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        sampler = optuna.samplers.TPESampler(seed=problem.seed, n_startup_trials=DRAWN)
        self._study = optuna.create_study(sampler=sampler, direction="maximize")
        self._rng = np.random.default_rng(problem.seed)
        self._seen: set[str] = set()
        self._candidates = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._optuna.logging.set_verbosity(self._verbosity)

    def next(self, count: int) -> list[Proposal]:
        """So many proposals, each of them new; fewer if there is nothing left to try."""
        found = (self._new() for _ in range(count))
        return [proposal for proposal in found if proposal is not None]

    def tell(self, trial: Trial, means: Sequence[float], given_up: bool) -> None:
        """What a trial came to, fold by fold."""
        state = self._optuna.trial.TrialState
        for step, mean in enumerate(means):
            trial.report(mean, step)
        if given_up:
            self._study.tell(trial, state=state.PRUNED)
        else:
            self._study.tell(trial, means[-1])

    def _new(self) -> Proposal | None:
        for asked in range(ASKED + RANDOM):
            if asked >= ASKED:
                self._study.enqueue_trial(self._drawn())
            trial = self._study.ask()
            members = self._members(trial)
            key = repr(members[0])
            if key not in self._seen:
                self._seen.add(key)
                return Proposal(trial, self._shared(members))
            self._study.tell(trial, state=self._optuna.trial.TrialState.FAIL)
        return None

    def _members(self, trial: Trial) -> list[Params]:
        """The candidates of one fit: all values of its stage parameter, one of each other."""
        number = trial.suggest_categorical("grid", range(len(self._grids))) if len(self._grids) > 1 else 0
        grid = self._grids[number]
        params = {name: values[0] for name, values in grid.items()}
        held = [name for name in grid if _last(name) in STAGES]
        for name in (name for name in grid if name not in held):
            params[name] = _suggested(trial, f"{number} {name}", grid[name])
        stage = stage_parameter(self._build(params).steps[-1][1])
        for name in (name for name in held if _last(name) != stage):
            params[name] = _suggested(trial, f"{number} {name}", grid[name])
        staged = {name: grid[name] for name in held if _last(name) == stage}
        return [{**params, **chosen} for chosen in ParameterGrid(staged)]

    def _drawn(self) -> dict[str, int]:
        """Every suggestion of a random combination, by the names that `_members` gives them."""
        number = int(self._rng.integers(len(self._grids)))
        grid: Space = self._grids[number]
        return {"grid": number} | {f"{number} {n}": int(self._rng.integers(len(v))) for n, v in grid.items()}

    def _shared(self, members: list[Params]) -> SharedFit:
        (shared,) = shared_fits(self._build, members)
        begun = self._candidates
        self._candidates += len(members)
        numbered = {begun + number: params for number, params in shared.candidates.items()}
        return SharedFit(shared.prep, shared.prep_key, shared.clf, numbered, shared.stage)


def _suggested(trial: Trial, name: str, values: list[Any]) -> Any:
    """One of the values. Numbers in ascending order are neighbours of each other, other values are not."""
    if len(values) == 1:
        return values[0]
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    if numbers and sorted(values) == values:
        return values[trial.suggest_int(name, 0, len(values) - 1)]
    return values[trial.suggest_categorical(name, range(len(values)))]


def _last(name: str) -> str:
    return name.rpartition("__")[2]
