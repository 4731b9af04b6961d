"""One training: what `fit_table` learns from a project's rows, and everything that is kept of it."""

from __future__ import annotations

import csv
import json
import tempfile
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tabi import evidence
from tabi.data import Table, load_table, task_line
from tabi.errors import TabiError
from tabi.project import ProjectConfig, config_to_yaml, dataset_label
from tabi.project.config import DistillConfig
from tabi.training.choice import CandidateScore
from tabi.training.comparison import write_comparisons
from tabi.training.distill import teacher_of
from tabi.training.environment import commit_of, environment_lock, lock_digest
from tabi.training.fitting import Fitted, fit_best, fit_table
from tabi.training.pipelines import build_pipeline
from tabi.training.plots import write_front, write_plots
from tabi.training.presets import Params
from tabi.training.progress import Quiet, Reporter
from tabi.training.reports import Rows, Subject, write_reports
from tabi.training.saved import save_pipeline
from tabi.training.tasks import Task
from tabi.training.tracking import hyperparameters, tracked_run
from tabi.workspace import Workspace

QUIET = Quiet()
PIPELINE = "pipeline.skops"


@dataclass(frozen=True)
class TrainedRun:
    """What a training came to.

    `threshold`: of two classes only. `seconds`: from its start until its results were ready to be kept. `headline`: the
    metrics that its result line shows.
    """

    run_id: str
    name: str
    ds: str
    mode: str
    best: Params
    metrics: dict[str, float]
    threshold: float | None
    seconds: float
    headline: tuple[str, str]


def train(workspace: Workspace, config: ProjectConfig, report: Reporter = QUIET, trained_by: str = "") -> TrainedRun:
    """Train a project: search, fit, evaluate, track, and leave summary, scores and evidence in the workspace.

    Fetches the source where the project has no snapshot yet. Any `TabiError` is also left as evidence, and the run
    that is tracked ends as FAILED. `trained_by` is kept with the run, for whoever approves.
    """
    try:
        trained = _train(workspace, config, report, trained_by)
    except TabiError as error:
        failed = evidence.Record(kind="training", subject=config.name, verdict="fail", figures={"reason": str(error)})
        evidence.append(workspace.evidence, failed)
        raise
    return trained


def result_line(run: TrainedRun) -> str:
    """The last line of a training, for people and for scripts."""
    figures = " ".join(f"{name.upper()}={run.metrics[name]:.4f}" for name in run.headline)
    return f"[RESULT] ds={run.ds} mode={run.mode} {figures} best={run.best} elapsed_sec={int(run.seconds)}"


def plain(params: Params) -> Params:
    """The same parameters with numpy's numbers as Python's, so that they print and encode plainly."""
    return {name: value.item() if isinstance(value, np.generic) else value for name, value in params.items()}


def _train(workspace: Workspace, config: ProjectConfig, report: Reporter, trained_by: str) -> TrainedRun:
    begun = time.monotonic()
    report.stage(f"read the rows of {config.name}")
    table = load_table(workspace, config)
    report.stage(task_line(table.contract.target, config))
    teacher = teacher_of(workspace, config, table)
    lock, commit = environment_lock(), commit_of(workspace.root)
    inputs = {
        "snapshot": table.snapshot.digest,
        "git_commit": commit.sha,
        "git_dirty": str(commit.dirty).lower(),
        "environment": lock_digest(lock),
    }
    if teacher:
        report.stage(f"teacher {teacher.ref}")
        config = replace(config, distill=DistillConfig(teacher.ref))
        inputs["teacher"] = teacher.bundle
    if trained_by:
        inputs["trained_by"] = trained_by
    ds, mode = dataset_label(config.source), config.search.mode.name
    tags = {"mlflow.runName": f"{config.name}-{mode}", **{f"tabi.{name}": value for name, value in inputs.items()}}
    with tracked_run(workspace, config.name, tags) as tracker, tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if config.code:
            # a class that cannot be kept is told before the search, not after it
            save_pipeline(build_pipeline(table.contract, config, {}), folder / PIPELINE)
        fitted = fit_table(table, config, report, teacher)
        config = fitted.config
        task = fitted.plan.task
        report.stage("keep the results")
        reports = folder / "reports"
        write_plots(reports, table.y[fitted.cut.test], fitted.predicted, table.contract.target)
        write_front(reports, fitted.search, task)
        write_comparisons(reports, fitted.comparisons)
        write_reports(reports, _subject(table, config, fitted))
        _write_files(folder, table, config, fitted, lock)
        best = plain(fitted.search.best)
        seconds = time.monotonic() - begun
        common = {"preset": config.preset, "mode": mode, "seed": config.seed, "ds": ds}
        chosen = {comparison.key: comparison.winner for comparison in fitted.comparisons}
        tracker.params({**common, **chosen, **hyperparameters(fitted.pipeline)})
        tracker.metrics({**fitted.metrics, **_decision(fitted), "elapsed_sec": seconds})
        tracker.candidates(fitted.search.table, task.score_name)
        tracker.artifacts(folder)
    threshold = _decision(fitted).get("threshold")
    run = TrainedRun(tracker.run_id, config.name, ds, mode, best, fitted.metrics, threshold, seconds, task.headline)
    _leave_summary(workspace, run, inputs, fitted.search.table, task)
    return run


def _decision(fitted: Fitted) -> dict[str, float]:
    return {"threshold": fitted.threshold.value} if fitted.threshold else {}


def _subject(table: Table, config: ProjectConfig, fitted: Fitted) -> Subject:
    """What the reports are told."""
    train, test = (Rows(table.X.iloc[rows], table.y[rows]) for rows in (fitted.cut.train, fitted.cut.test))
    return Subject(
        table.contract,
        fitted.pipeline,
        train,
        test,
        fitted.predicted,
        partial(fit_best, table.contract, config, fitted.search.best),
        _decision(fitted).get("threshold"),
        fitted.out_of_fold,
        config.threshold,
        config.seed,
    )


def _write_files(folder: Path, table: Table, config: ProjectConfig, fitted: Fitted, lock: str) -> None:
    (folder / "config.yaml").write_text(config_to_yaml(config), encoding="utf-8")
    if config.code:
        (folder / "pipeline.py").write_text(config.code, encoding="utf-8")
    (folder / "schema.json").write_bytes(table.contract.to_json())
    (folder / "environment.lock").write_text(lock, encoding="utf-8")
    _write_json(folder / "metrics.json", fitted.metrics)
    if fitted.threshold:
        _write_json(folder / "threshold.json", fitted.threshold._asdict())
    _write_scores(folder / "cv_results.csv", fitted.search.table, fitted.plan.task)
    save_pipeline(fitted.pipeline, folder / PIPELINE)


def _leave_summary(
    workspace: Workspace, run: TrainedRun, inputs: dict[str, str], table: tuple[CandidateScore, ...], task: Task
) -> None:
    figures = {
        "ds": run.ds,
        "mode": run.mode,
        **{name: run.metrics[name] for name in run.headline},
        "best": run.best,
        "elapsed_sec": int(run.seconds),
    }
    workspace.artifacts.mkdir(parents=True, exist_ok=True)
    summary = {"name": run.name, "run_id": run.run_id, **figures, "metrics": run.metrics, "inputs": inputs}
    decision = {} if run.threshold is None else {"threshold": run.threshold}
    _write_json(workspace.artifacts / f"summary_{run.ds}.json", {**summary, **decision})
    _write_scores(workspace.artifacts / f"cv_results_{run.ds}.csv", table, task)
    record = evidence.Record(
        kind="training", subject=run.name, verdict="pass", inputs={"run": run.run_id, **inputs}, figures=figures
    )
    evidence.append(workspace.evidence, record)


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _write_scores(path: Path, table: tuple[CandidateScore, ...], task: Task) -> None:
    """One line a candidate and rung: its parameters, mean and fold scores, estimated µs a row, rows, seconds.

    What was given up has no score in the folds that it did not see.
    """
    folds = range(max(len(score.scores) for score in table))
    names = list(dict.fromkeys(name for score in table for name in score.params))
    score = task.score_name
    means = [f"mean_{score}", *(f"{score}_fold_{fold}" for fold in folds)]
    header = ["rung", "n_resources", "candidate", *names, *means, "cost_us"]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*header, "fit_seconds"])
        for s in table:
            values = plain(s.params)
            head = [s.rung, s.n_resources, s.candidate, *(values.get(name, "") for name in names)]
            scores = [repr(s.scores[fold]) if fold < len(s.scores) else "" for fold in folds]
            writer.writerow([*head, repr(s.mean), *scores, repr(s.cost), f"{sum(s.seconds):.3f}"])
