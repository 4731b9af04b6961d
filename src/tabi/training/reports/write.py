"""All reports of a run, written side by side: NAME.json and, where there is a picture, NAME.png."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from threadpoolctl import threadpool_limits

from tabi.training.reports.calibration import calibration_report
from tabi.training.reports.contributions import contributions_report
from tabi.training.reports.importance import importance_report
from tabi.training.reports.learning import learning_report
from tabi.training.reports.pictures import Json, any_names, save_figure, save_json
from tabi.training.reports.slices import slices_report
from tabi.training.reports.subject import Subject
from tabi.training.reports.thresholds import thresholds_report

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Report = Callable[[Subject], "tuple[Json, Figure | None]"]

REPORTS: dict[str, Report] = {
    "permutation_importance": importance_report,
    "contributions": contributions_report,
    "learning_curve": learning_report,
    "slices": slices_report,
}
OF_CLASSES: dict[str, Report] = {"calibration": calibration_report}
OF_TWO: dict[str, Report] = {"thresholds": thresholds_report}


def write_reports(folder: Path, subject: Subject) -> list[Path]:
    """Write every report that the subject's task has into `folder`; the same subject gives the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    # many short predictions and fits: more threads than one would spend their time on waiting for each other
    with threadpool_limits(1), any_names():
        for name, report in reports_of(subject).items():
            content, figure = report(subject)
            written.append(save_json(folder / f"{name}.json", content))
            if figure is not None:
                written.append(save_figure(folder / f"{name}.png", figure))
    return written


def reports_of(subject: Subject) -> dict[str, Report]:
    """The reports of a task, by their file's name."""
    found = dict(REPORTS)
    if subject.task != "regression":
        found |= OF_CLASSES
    if subject.task == "binary":
        found |= OF_TWO
    return found
