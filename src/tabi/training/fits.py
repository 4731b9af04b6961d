"""The work of a search: some candidates that share one fit, in one fold.

A worker process imports this module and what it imports: no more than a fit needs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import joblib
from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import Pipeline
from sklearn.utils._param_validation import InvalidParameterError

from tabi.errors import TabiError, TrainingError
from tabi.training.cost import serving_cost, serving_costs
from tabi.training.metrics import Labels
from tabi.training.stages import Floats, stage_parameter, stage_predictions
from tabi.training.tasks import BINARY, Task

if TYPE_CHECKING:
    from tabi.training.presets import Params

Build = Callable[[Mapping[str, Any]], Pipeline]


@dataclass(frozen=True)
class FitOutcome:
    """One candidate in one fold: its score, seconds, cost, and what it predicts for the validation rows.

    `cost`: estimated µs that a served row takes, see `tabi.training.cost`. `predicted`: see `tabi.training.tasks`.
    """

    candidate: int
    fold: int
    score: float
    seconds: float
    cost: float
    predicted: Floats = field(repr=False)


@dataclass(frozen=True)
class SharedFit:
    """An unfitted estimator, the preparation before it, and the candidates that they stand for, by number.

    More than one candidate: they differ only in the value of the `stage` parameter, and come in ascending order of it
    where that is a size. `prep_key` is equal for equal preparations.
    """

    prep: Pipeline | None
    prep_key: str
    clf: BaseEstimator
    candidates: dict[int, Params]
    stage: str | None = None

    @property
    def largest(self) -> Params:
        """Parameters of the candidate that is fitted; the others are stages of it."""
        return list(self.candidates.values())[-1]


@dataclass(frozen=True, eq=False)
class FoldData:
    """The training rows and the validation rows of one fold, preprocessed, each with their targets, and the task.

    All candidates that share a preparation share it, so it is compared by identity: see `tabi.training.backends`.
    """

    train: tuple[Any, Labels] = field(repr=False)
    valid: tuple[Any, Labels] = field(repr=False)
    task: Task = BINARY


@dataclass(frozen=True)
class FitTask:
    """One shared fit in one fold."""

    shared: SharedFit
    fold: int
    data: FoldData

    def run(self) -> list[FitOutcome]:
        """Fit, predict and score. `TrainingError` names the candidate and the fold of a fit that fails."""
        begun = time.perf_counter()
        where = f"candidate {self.shared.largest} failed in fold {self.fold}"
        try:
            predictions, costs = self._stages(clone(self.shared.clf).fit(*self.data.train))
        except TabiError:  # the time is up
            raise
        except InvalidParameterError as error:
            raise TrainingError(f"{where}: {str(error).splitlines()[0]}") from error
        except Exception as error:  # the text of a foreign error may hold data values, so only its name is told
            raise TrainingError(f"{where} with {type(error).__name__}: change search.space or params") from error
        seconds = (time.perf_counter() - begun) / len(predictions)
        task, y = self.data.task, self.data.valid[1]
        return [
            FitOutcome(candidate, self.fold, task.score(y, predicted), seconds, cost, predicted)
            for candidate, predicted, cost in zip(self.shared.candidates, predictions, costs, strict=True)
        ]

    def _stages(self, clf: BaseEstimator) -> tuple[list[Floats], list[float]]:
        X, stage = self.data.valid[0], self.shared.stage
        if len(self.shared.candidates) == 1 or stage is None:
            return [self.data.task.predict(clf, X)], [serving_cost(clf)]
        values = [stage_value(params, stage) for params in self.shared.candidates.values()]
        return stage_predictions(self.data.task, clf, X, values), serving_costs(clf, stage, values)


def shared_fits(build: Build, candidates: Sequence[Params]) -> list[SharedFit]:
    """The fewest fits that cover the candidates, in the candidates' order; see `tabi.training.stages`."""
    groups: dict[str, dict[int, Params]] = {}
    stages: dict[str, str | None] = {}
    for number, params in enumerate(candidates):
        pipeline = build(params)
        stage = stage_parameter(pipeline.steps[-1][1])
        own = [name for name in params if stage and _is_parameter(name, stage, pipeline)]
        key = repr([(name, value) for name, value in params.items() if name not in own])
        groups.setdefault(key, {})[number] = params
        stages[key] = stage if own else None
    return [_shared_fit(build, _ascending(members, stages[key]), stages[key]) for key, members in groups.items()]


def _ascending(members: dict[int, Params], stage: str | None) -> dict[int, Params]:
    return (
        members if stage is None else dict(sorted(members.items(), key=lambda item: _size(stage_value(item[1], stage))))
    )


def _shared_fit(build: Build, members: dict[int, Params], stage: str | None) -> SharedFit:
    largest = list(members.values())[-1]
    pipeline = build(largest)
    prep = pipeline[:-1] if len(pipeline.steps) > 1 else None
    return SharedFit(prep, _prep_key(prep, largest, pipeline.steps[-1][0]), pipeline.steps[-1][1], members, stage)


def _prep_key(prep: Pipeline | None, params: Params, last: str) -> str:
    try:
        return str(joblib.hash(prep))
    except Exception:  # noqa: BLE001 - a project's own step may hold what cannot be pickled
        return repr([(name, value) for name, value in params.items() if not name.startswith(f"{last}__")])


def _is_parameter(name: str, parameter: str, pipeline: Pipeline) -> bool:
    return name in (parameter, f"{pipeline.steps[-1][0]}__{parameter}")


def stage_value(params: Params, stage: str) -> Any:
    """The candidate's value of the stage parameter."""
    return next(value for name, value in params.items() if name.rpartition("__")[2] == stage)


def _size(value: Any) -> float:
    """Sorts sizes; other values, such as weights, keep their order."""
    return float(value) if isinstance(value, int | float) else 0.0
