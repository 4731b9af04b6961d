"""From a table to a fitted pipeline with its threshold and metrics. Nothing is written or tracked here."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import pandas as pd
from sklearn.calibration import CalibratedClassifierCV
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from tabi.contract import Contract
from tabi.data import Table
from tabi.errors import TabiError, TrainingError
from tabi.project import ProjectConfig
from tabi.project.config import CalibrationMethod, Mode
from tabi.training.ahead import Ahead
from tabi.training.comparison import Comparison, compare
from tabi.training.distill import Teacher, taught
from tabi.training.evaluate import repeated_cross_validation
from tabi.training.outcomes import Problem
from tabi.training.pipelines import build_pipeline, candidate_space, compared_keys
from tabi.training.plan import TWO_CLASSES_AT_RANDOM, Plan, plan_of
from tabi.training.prepared import with_empty_columns_constant
from tabi.training.presets import Params
from tabi.training.progress import Reporter
from tabi.training.search import SearchResult, run_search
from tabi.training.split import Cut, Labels
from tabi.training.stages import Floats
from tabi.training.texts import with_words_decided
from tabi.training.threshold import Threshold, choose_threshold


@dataclass(frozen=True)
class Fitted:
    """What was learnt from a table.

    `config`: with what the rows decided, such as `text.words`. `pipeline` is fitted on the training rows of `cut`.
    `predicted`: for its test rows, see `tabi.training.tasks`. `out_of_fold`: the same for its training rows, each by a
    model that did not see it; NaN for rows that no fold held out. `threshold`: of two classes only. `metrics`: of the
    test rows and of the search; of repeated cross-validation where the project asks for it, and of its teacher.
    `comparisons`: what the search compared beside parameters.
    """

    config: ProjectConfig
    cut: Cut
    plan: Plan
    search: SearchResult
    pipeline: Pipeline
    threshold: Threshold | None
    predicted: Floats = field(repr=False)
    out_of_fold: Floats = field(repr=False)
    metrics: dict[str, float]
    comparisons: list[Comparison] = field(default_factory=list)


def fit_table(table: Table, config: ProjectConfig, report: Reporter, teacher: Teacher | None = None) -> Fitted:
    """Cut, search, fit, choose the threshold, measure on the test rows.

    The threshold is chosen on out-of-fold predictions of the training rows. Repeated cross-validation is left to
    full mode: it takes as long as its repeats x folds searches. With a teacher, candidates are compared on the labels,
    and the winner learns from the teacher.
    """
    plan = plan_of(table, config.split)
    rows = plan.cut(table.y, config.split)
    X, y, own = table.X.iloc[rows.train], table.y[rows.train], plan.take(rows.train)
    config = with_words_decided(config, table.contract, X)
    if table.contract.text:
        report.stage("text: words and characters" if config.text.words else "text: characters, whatever the words are")
    lesson = teacher.lesson(rows) if teacher else None
    build = partial(build_pipeline, table.contract, config)
    space = candidate_space(config, plan.task.name)
    report.stage(f"search: {config.search.mode.name}, preset {config.preset}, {len(y)} rows")
    found = run_search(
        build, space, X, y, config.search, config.seed, report.step, plan=own, ahead=_as_searched(config, lesson)
    )
    comparisons = _comparisons(found, Problem(build, space, X, y, config.search, config.seed, own), config, report)
    report.stage("fit on all training rows")
    with threadpool_limits(1):
        pipeline = fit_best(table.contract, config, found.best, X, y, own, lesson, ahead=found.ahead)
        predicted = plan.task.predict(pipeline, table.X.iloc[rows.test])
        out_of_fold = _out_of_fold(table.contract, config, found, X, y, own, lesson)
    threshold = _threshold(own, y, out_of_fold, config)
    score = plan.task.score_name
    metrics = {
        **plan.task.metrics(table.y[rows.test], predicted, threshold.value if threshold else None),
        f"search_{score}": found.score,
        "serving_cost_us": found.won.cost,
        "training_rows": float(len(y)),
    }
    if teacher:
        marks = plan.task.metrics(table.y[rows.test], teacher.predicted[rows.test], 0.5)
        metrics |= {f"teacher_{name}": marks[name] for name in plan.task.headline}
    if config.evaluation.repeats > 0 and config.search.mode is Mode.full:
        report.stage(f"evaluate: {config.evaluation.repeats} x {config.evaluation.folds} folds, a search in each")
        learn = partial(learn_anew, table.contract, config)
        again = repeated_cross_validation(
            learn, table.X, table.y, config.evaluation, config.seed, config.search.jobs, plan
        )
        metrics |= again.metrics()
    return Fitted(config, rows, plan, found, pipeline, threshold, predicted, out_of_fold, metrics, comparisons)


def fit_best(  # noqa: PLR0913 - what is fitted on which rows, and what is there of it
    contract: Contract,
    config: ProjectConfig,
    best: Params,
    X: pd.DataFrame,
    y: Labels,
    plan: Plan = TWO_CLASSES_AT_RANDOM,
    lesson: Floats | None = None,
    *,
    ahead: Ahead | None = None,
) -> Pipeline:
    """The pipeline with the parameters that a search found, calibrated if the project asks for it, fitted.

    `lesson`: what a teacher predicts for these rows, to be learnt instead of `y`. `ahead`: this fit, if the search
    over these rows had it begun.
    """
    if ahead is not None and _as_searched(config, lesson) and (fitted := ahead.pipeline(best)) is not None:
        return fitted
    pipeline = build_pipeline(contract, config, best)
    if config.calibration.method is not CalibrationMethod.none:
        # One estimator of all rows, calibrated by its out-of-fold predictions: an ensemble would multiply the trees.
        clf = CalibratedClassifierCV(
            pipeline.steps[-1][1],
            method=config.calibration.method.name,
            cv=plan.calibrator(y, config.calibration.folds, config.seed),
            ensemble=False,
        )
        pipeline.steps[-1] = (pipeline.steps[-1][0], clf)
    try:
        rows = with_empty_columns_constant(X)
        return pipeline.fit(rows, y) if lesson is None else taught(pipeline, rows, y, lesson)
    except TabiError:  # the time is up
        raise
    except Exception as error:  # the text of a foreign error may hold data values, so only its name is told
        raise TrainingError(f"the fit with {best} failed with {type(error).__name__}: change params") from error


def _as_searched(config: ProjectConfig, lesson: Floats | None) -> bool:
    """Whether what is fitted in the end is a candidate of the search as it is."""
    return config.calibration.method is CalibrationMethod.none and lesson is None


def learn_anew(
    contract: Contract,
    config: ProjectConfig,
    X: pd.DataFrame,
    y: Labels,
    unseen: pd.DataFrame,
    plan: Plan = TWO_CLASSES_AT_RANDOM,
) -> Floats:
    """Search and fit on `X` alone and predict the unseen rows. One core, here."""
    search = replace(config.search, jobs=1, backend="local")
    build = partial(build_pipeline, contract, config)
    found = run_search(build, candidate_space(config, plan.task.name), X, y, search, config.seed, plan=plan)
    return plan.task.predict(fit_best(contract, config, found.best, X, y, plan), unseen)


def _comparisons(found: SearchResult, problem: Problem, config: ProjectConfig, report: Reporter) -> list[Comparison]:
    """What the search compared beside parameters, told line by line."""
    with threadpool_limits(1):
        comparisons = [compare(name, key, found, problem) for name, key in compared_keys(config).items()]
    for comparison in comparisons:
        for line in comparison.lines():
            report.stage(line)
    return comparisons


def _threshold(plan: Plan, y: Labels, out_of_fold: Floats, config: ProjectConfig) -> Threshold | None:
    """The threshold of two classes, on the rows that a fold held out."""
    if plan.task.name != "binary":
        return None
    known = ~np.isnan(out_of_fold)
    return choose_threshold(y[known], out_of_fold[known], config.threshold)


def _out_of_fold(
    contract: Contract,
    config: ProjectConfig,
    found: SearchResult,
    X: pd.DataFrame,
    y: Labels,
    plan: Plan,
    lesson: Floats | None,
) -> Floats:
    """The winner's out-of-fold predictions; the search's own unless calibration or a teacher changes them."""
    if _as_searched(config, lesson):
        return found.out_of_fold
    result = np.full_like(found.out_of_fold, np.nan)
    for train, valid in plan.folds(y, config.search.folds, config.seed):
        own = None if lesson is None else lesson[train]
        pipeline = fit_best(contract, config, found.best, X.iloc[train], y[train], plan.take(train), own)
        result[valid] = plan.task.predict(pipeline, X.iloc[valid])
    return result
