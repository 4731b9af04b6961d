"""The work of one rung: some candidates that share one fit, in one fold; in this process or in workers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Thread
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import Pipeline
from sklearn.utils._param_validation import InvalidParameterError

from tabi.errors import TabiError, TrainingError

# A worker process imports this module and what it imports: no more than a fit needs.
if TYPE_CHECKING:
    import pandas as pd

    from tabi.training.presets import Params
    from tabi.training.split import Indices, Labels

Build = Callable[[Mapping[str, Any]], Pipeline]
Floats = npt.NDArray[np.float64]

TREES = "clf__max_iter"
# A worker process needs about this long to start; shorter work stays in this process.
WORKER_START_S = 3.0


@dataclass(frozen=True)
class FitOutcome:
    """One candidate in one fold: ROC AUC, seconds, and the positive class's probability for the validation rows."""

    candidate: int
    fold: int
    score: float
    seconds: float
    probability: Floats = field(repr=False)


@dataclass(frozen=True)
class SharedFit:
    """An unfitted estimator and the candidates that it stands for, by number.

    More than one candidate: they differ only in their number of trees, and come in ascending order of it.
    """

    clf: BaseEstimator
    candidates: dict[int, Params]

    @property
    def largest(self) -> Params:
        """Parameters of the candidate that is fitted; the others are stages of it."""
        return list(self.candidates.values())[-1]


@dataclass(frozen=True)
class FitTask:
    """One shared fit in one fold, with the rows that it needs, preprocessed."""

    shared: SharedFit
    fold: int
    train: tuple[Floats, Labels] = field(repr=False)
    valid: tuple[Floats, Labels] = field(repr=False)

    def run(self) -> list[FitOutcome]:
        """Fit, predict and score. `TrainingError` names the candidate and the fold of a fit that fails."""
        begun = time.perf_counter()
        where = f"candidate {self.shared.largest} failed in fold {self.fold}"
        try:
            probabilities = self._probabilities(clone(self.shared.clf).fit(*self.train))
        except TabiError:  # the time is up
            raise
        except InvalidParameterError as error:
            raise TrainingError(f"{where}: {str(error).splitlines()[0]}") from error
        except Exception as error:  # the text of a foreign error may hold data values, so only its name is told
            raise TrainingError(f"{where} with {type(error).__name__}: change search.space or params") from error
        seconds = (time.perf_counter() - begun) / len(probabilities)
        return [
            FitOutcome(candidate, self.fold, _score(self.valid[1], probability), seconds, probability)
            for candidate, probability in zip(self.shared.candidates, probabilities, strict=True)
        ]

    def _probabilities(self, clf: BaseEstimator) -> list[Floats]:
        X = self.valid[0]
        if len(self.shared.candidates) == 1:
            return [clf.predict_proba(X)[:, 1]]
        wanted = [params[TREES] for params in self.shared.candidates.values()]
        stages = enumerate(clf.staged_predict_proba(X), start=1)
        kept = {trees: probability[:, 1] for trees, probability in stages if trees in wanted}
        return [kept[trees] for trees in wanted]


class Workers:
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

    def _start_workers(self) -> None:
        list(self._pool()(joblib.delayed(_nothing)() for _ in range(self._jobs)))

    def _pool(self) -> joblib.Parallel:
        return joblib.Parallel(self._jobs, backend="loky", return_as="generator", inner_max_num_threads=1)


def _nothing() -> None:
    """What a worker is started with: to find it, it imports this module."""


def shared_fits(build: Build, candidates: Sequence[Params]) -> list[SharedFit]:
    """The fewest fits that cover the candidates, in the candidates' order.

    A boosted ensemble of 150 trees holds those of 50 and 100, so candidates that differ in nothing but the number of
    trees share one fit. That holds without early stopping only.
    """
    groups: dict[str, dict[int, Params]] = {}
    for number, params in enumerate(candidates):
        stage = TREES if _has_stages(build(params), params) else None
        key = repr([(name, value) for name, value in params.items() if name != stage])
        groups.setdefault(key, {})[number] = params
    result = []
    for members in groups.values():
        ordered = dict(sorted(members.items(), key=lambda item: item[1].get(TREES, 0)))
        fit = SharedFit(build(list(ordered.values())[-1]).named_steps["clf"], ordered)
        result.append(fit)
    return result


def rung_tasks(
    build: Build, fits: list[SharedFit], X: pd.DataFrame, y: Labels, folds: list[tuple[Indices, Indices]]
) -> Iterator[FitTask]:
    """The fits of one rung. Preprocessing is fitted on each fold's training rows only, once for all candidates."""
    for fold, (train, valid) in enumerate(folds):
        prep = build({}).named_steps["prep"]
        seen = np.asarray(prep.fit_transform(with_empty_columns_constant(X.iloc[train]), y[train]))
        unseen = np.asarray(prep.transform(X.iloc[valid]))
        for shared in fits:
            yield FitTask(shared, fold, (seen, y[train]), (unseen, y[valid]))


def with_empty_columns_constant(X: pd.DataFrame) -> pd.DataFrame:
    """The rows to fit on: numeric columns without a single value hold zeros.

    Neither teaches anything, but scikit-learn 1.9 cannot bin a column that holds nothing but NaN.
    """
    empty = [name for name in X.columns if X[name].dtype == np.float64 and X[name].isna().all()]
    return X.assign(**dict.fromkeys(empty, 0.0)) if empty else X


def _has_stages(pipeline: Pipeline, params: Params) -> bool:
    clf = pipeline.named_steps["clf"]
    return TREES in params and isinstance(clf, HistGradientBoostingClassifier) and clf.early_stopping is False


def _score(y: Labels, probability: Floats) -> float:
    return float(roc_auc_score(y, probability)) if np.isfinite(probability).all() else float("nan")
