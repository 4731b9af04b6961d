"""The work of one rung: some candidates that share one fit, in one fold; in this process or in workers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import Thread
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import Pipeline
from sklearn.utils._param_validation import InvalidParameterError

from tabi.errors import TabiError, TrainingError
from tabi.training.codes import coded
from tabi.training.cost import serving_cost, serving_costs
from tabi.training.stages import Floats, stage_parameter, stage_predictions
from tabi.training.tasks import BINARY, Task

# A worker process imports this module and what it imports: no more than a fit needs.
if TYPE_CHECKING:
    import pandas as pd

    from tabi.training.presets import Params
    from tabi.training.split import Indices, Labels

Build = Callable[[Mapping[str, Any]], Pipeline]
# A worker process needs about this long to start; shorter work stays in this process.
WORKER_START_S = 3.0


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
        values = [_value(params, stage) for params in self.shared.candidates.values()]
        return stage_predictions(self.data.task, clf, X, values), serving_costs(clf, stage, values)


class LocalWorkers:
    """Runs tasks on `jobs` cores (-1: all), in this process as long as starting workers would not pay.

    Each worker computes on one thread, so that folds side by side do not fight for the cores.
    """

    def __init__(self, jobs: int) -> None:
        self._jobs = joblib.effective_n_jobs(jobs)
        self._start: Thread | None = None

    def run(self, tasks: Iterator[FitTask], count: int) -> Iterator[list[FitOutcome]]:
        """Outcomes of the `count` tasks, in their order. Until the workers are up, this process does the work."""
        if self._jobs > 1 and self._start is None:
            begun = time.perf_counter()
            yield next(tasks).run()
            if (time.perf_counter() - begun) * (count - 1) > WORKER_START_S:
                self._start = Thread(target=self._start_workers, daemon=True)
                self._start.start()
        while self._start is None or self._start.is_alive():
            task = next(tasks, None)
            if task is None:
                return
            yield task.run()
        yield from self._pool()(joblib.delayed(FitTask.run)(task) for task in tasks)

    def each(self, function: Callable[..., Any], data: Any, items: Sequence[tuple[Any, ...]]) -> list[Any]:
        """`function(data, *item)` of each item, in their order."""
        pool = joblib.Parallel(self._jobs, backend="loky", inner_max_num_threads=1)
        return list(pool(joblib.delayed(function)(data, *item) for item in items))

    def _start_workers(self) -> None:
        list(self._pool()(joblib.delayed(_nothing)() for _ in range(self._jobs)))

    def _pool(self) -> joblib.Parallel:
        return joblib.Parallel(self._jobs, backend="loky", return_as="generator", inner_max_num_threads=1)


def _nothing() -> None:
    """What a worker is started with: to find it, it imports this module."""


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
    return members if stage is None else dict(sorted(members.items(), key=lambda item: _size(_value(item[1], stage))))


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


def _value(params: Params, stage: str) -> Any:
    return next(value for name, value in params.items() if name.rpartition("__")[2] == stage)


def _size(value: Any) -> float:
    """Sorts sizes; other values, such as weights, keep their order."""
    return float(value) if isinstance(value, int | float) else 0.0


def rung_tasks(
    fits: list[SharedFit], X: pd.DataFrame, y: Labels, folds: list[tuple[Indices, Indices]], task: Task = BINARY
) -> Iterator[FitTask]:
    """The fits of one rung. A preparation is fitted on each fold's training rows only, once for all that share it."""
    for fold, (train, valid) in enumerate(folds):
        for key in dict.fromkeys(shared.prep_key for shared in fits):
            own = [shared for shared in fits if shared.prep_key == key]
            data = fold_data(own[0], X, y, (train, valid), task)
            for shared in own:
                yield FitTask(replace(shared, prep=None), fold, data)


def fold_data(
    shared: SharedFit, X: pd.DataFrame, y: Labels, fold: tuple[Indices, Indices], task: Task = BINARY
) -> FoldData:
    """The rows of a fold, after the preparation of the shared fit, which learns from its training rows only."""
    seen, unseen = _prepared(shared, X, y, fold)
    return FoldData((seen, y[fold[0]]), (unseen, y[fold[1]]), task)


def _prepared(shared: SharedFit, X: pd.DataFrame, y: Labels, fold: tuple[Indices, Indices]) -> tuple[Any, Any]:
    train, valid = fold
    X = coded(X, shared.prep)
    rows = with_empty_columns_constant(X.iloc[train])
    if shared.prep is None:
        return rows, X.iloc[valid]
    prep = clone(shared.prep)
    try:
        return prep.fit_transform(rows, y[train]), prep.transform(X.iloc[valid])
    except TabiError:  # the time is up
        raise
    except Exception as error:  # the text of a foreign error may hold data values, so only its name is told
        raise TrainingError(
            f"the steps before the last failed with {type(error).__name__}: change the pipeline or its params"
        ) from error


def with_empty_columns_constant(X: pd.DataFrame) -> pd.DataFrame:
    """The rows to fit on: numeric columns without a single value hold zeros.

    Neither teaches anything, but scikit-learn 1.9 cannot bin a column that holds nothing but NaN.
    """
    empty = [name for name in X.columns if X[name].dtype == np.float64 and X[name].isna().all()]
    return X.assign(**dict.fromkeys(empty, 0.0)) if empty else X
