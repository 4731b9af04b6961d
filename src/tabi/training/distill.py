"""Teacher and student: a model learns another one's probabilities instead of the labels.

This is the distillation of Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network" (2015), at
temperature 1, after Bucila, Caruana and Niculescu-Mizil, "Model Compression" (2006). The loss is the cross-entropy
between the two models' probabilities. A classifier that takes weights computes exactly that if each row stands there
once for each class, weighted by the teacher's probability of it. Of numbers, the teacher's are learnt as they are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import has_fit_parameter

from tabi.bundle import Bundle
from tabi.bundle.session import Session
from tabi.data import Table, load_table, tensors_of
from tabi.errors import ConfigError, NotFoundError
from tabi.project import ProjectConfig
from tabi.project.config import CalibrationMethod
from tabi.store import Store
from tabi.training.plan import cut_table
from tabi.training.runs import Run, load_run
from tabi.training.split import Cut, Indices, Labels
from tabi.training.stages import Floats
from tabi.workspace import Workspace

# a class that the teacher thinks less likely than this teaches nothing
LEAST_WEIGHT = 1e-6


@dataclass(frozen=True)
class Teacher:
    """A released model.

    `ref`: names this very bundle, whatever is released later. `predicted`: what its graph predicts for each row of the
    student's table, in order. `learnt`: the rows that it was trained on.
    """

    ref: str
    bundle: str
    predicted: Floats = field(repr=False)
    learnt: Indices = field(repr=False)

    def lesson(self, rows: Cut) -> Floats:
        """What is taught of the training rows. `ConfigError` where the teacher has seen test rows of the student."""
        seen = len(np.intersect1d(self.learnt, rows.test))
        if seen:
            raise ConfigError(
                f"distill.teacher: it learnt from {seen} of the {len(rows.test)} rows that test this model: "
                "give both the same split and train the teacher again"
            )
        return self.predicted[rows.train]


def teacher_of(workspace: Workspace, config: ProjectConfig, table: Table) -> Teacher | None:
    """The teacher that the project names, None where it names none.

    Its probabilities come from its bundle's graph. Raises `ConfigError` where it is of another target, or where it
    cannot be proved which rows it learnt from: it must have learnt from the snapshot that the student is cut from.
    """
    ref = config.distill.teacher
    if ref is None:
        return None
    if config.calibration.method is not CalibrationMethod.none:
        raise ConfigError("distill.teacher: a student learns probabilities; leave calibration.method at none")
    if config.evaluation.repeats:
        raise ConfigError("distill.teacher: other folds hold rows that the teacher knows; set evaluation.repeats=0")
    store = Store(workspace.models)
    folder = store.resolve(ref)
    bundle = Bundle.open(folder)
    run = _run_of(workspace, bundle, ref)
    if run.snapshot_digest != table.snapshot.digest:
        raise ConfigError(
            f"distill.teacher={ref} learnt from another snapshot, which may hold the rows that test this model: "
            "train the teacher again on this one"
        )
    own = load_table(workspace, run.config, digest=run.snapshot_digest)
    ours, theirs = table.contract.target, bundle.contract().target
    if (ours.name, ours.classes, ours.task) != (theirs.name, theirs.classes, theirs.task) or len(own.y) != len(table.y):
        raise ConfigError(f"distill.teacher={ref} predicts another target: name a model of this one")
    predicted = Session(bundle.graph_bytes()).predict(tensors_of(own.X, own.contract))
    lasting = f"{bundle.name}:{bundle.id}" if store.contains(folder) else ref
    return Teacher(lasting, bundle.id, predicted, cut_table(own, run.config.split).train)


def taught(pipeline: Pipeline, X: Any, y: Labels, lesson: Floats) -> Pipeline:
    """Fit a pipeline on what a teacher predicts for the rows; the steps before the last see the rows once.

    `lesson`: as `tabi.training.tasks` has predictions. `ConfigError` for an estimator that takes no weights.
    """
    steps, clf = pipeline[:-1], pipeline.steps[-1][1]
    rows = steps.fit_transform(X, y) if len(steps) else X
    if not hasattr(clf, "predict_proba"):
        clf.fit(rows, lesson)
        return pipeline
    if not has_fit_parameter(clf, "sample_weight"):
        raise ConfigError(f"distill.teacher: {type(clf).__name__} takes no weights of rows; choose another preset")
    chosen, labels, weights = duplicates(lesson)
    clf.fit(_safe_indexing(rows, chosen), labels.astype(y.dtype), sample_weight=weights)
    return pipeline


def duplicates(probabilities: Floats) -> tuple[Indices, npt.NDArray[np.int64], Floats]:
    """(row, class, weight) of each row and class that the teacher thinks possible."""
    by_class = probabilities if probabilities.ndim == 2 else np.column_stack([1.0 - probabilities, probabilities])
    rows, classes = np.nonzero(by_class >= LEAST_WEIGHT)
    return rows, classes, by_class[rows, classes]


def _run_of(workspace: Workspace, bundle: Bundle, ref: str) -> Run:
    try:
        return load_run(workspace, bundle.name, bundle.manifest.run)
    except NotFoundError as error:
        raise ConfigError(
            f"distill.teacher={ref}: its run is not tracked here, so that nothing tells which rows it learnt from: "
            "train and release the teacher in this workspace"
        ) from error
