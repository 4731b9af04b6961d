"""What other thresholds would give: F1, cost, and stated recalls and precisions, chosen as the project's own is.

Each is chosen on out-of-fold predictions of the training rows and measured on the test rows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import f1_score, precision_recall_curve, precision_score, recall_score

from tabi.errors import ConfigError
from tabi.project import ThresholdConfig
from tabi.project.config import Criterion
from tabi.training.reports.pictures import Json, new_figure
from tabi.training.reports.subject import Subject
from tabi.training.stages import Floats
from tabi.training.threshold import choose_threshold

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STATED = (0.8, 0.9, 0.95)
MOST_POINTS = 500


def thresholds_report(subject: Subject) -> tuple[Json, Figure]:
    """The project's threshold beside those of the other criteria."""
    y, given = subject.test.y, subject.prediction
    threshold = 0.5 if subject.threshold is None else subject.threshold
    own = {"criterion": subject.chosen.criterion.name, "threshold": threshold, **_reached(y, given, threshold)}
    content: Json = {"rows": len(y), "chosen": own, "others": _others(subject)}
    content["cost_false_positive"] = subject.chosen.cost_false_positive
    content["cost_false_negative"] = subject.chosen.cost_false_negative
    return content, _figure(y, given, threshold)


def _others(subject: Subject) -> list[Json]:
    if subject.out_of_fold is None:
        return []
    known = np.isfinite(subject.out_of_fold)
    y, learnt = subject.training.y[known], subject.out_of_fold[known]
    options: list[tuple[float | None, ThresholdConfig]] = [
        (None, replace(subject.chosen, criterion=Criterion.f1)),
        (None, replace(subject.chosen, criterion=Criterion.cost)),
        *((stated, replace(subject.chosen, criterion=Criterion.recall, recall=stated)) for stated in STATED),
        *((stated, replace(subject.chosen, criterion=Criterion.precision, precision=stated)) for stated in STATED),
    ]
    found = []
    for stated, config in options:
        told: Json = {"criterion": config.criterion.name, "stated": stated}
        try:
            threshold = choose_threshold(y, learnt, config).value
        except ConfigError:
            # no threshold reaches so much
            found.append({**told, "threshold": None})
            continue
        found.append({**told, "threshold": threshold, **_reached(subject.test.y, subject.prediction, threshold)})
    return found


def _reached(y: npt.NDArray[Any], probability: Floats, threshold: float) -> Json:
    decided = probability >= threshold
    return {
        "precision": float(precision_score(y, decided, zero_division=0)),
        "recall": float(recall_score(y, decided, zero_division=0)),
        "f1": float(f1_score(y, decided, zero_division=0)),
        "false_positives": int((decided & (y == 0)).sum()),
        "false_negatives": int((~decided & (y == 1)).sum()),
    }


def _figure(y: npt.NDArray[Any], probability: Floats, threshold: float) -> Figure:
    precision, recall, thresholds = precision_recall_curve(y, probability)
    some = np.unique(np.linspace(0, len(thresholds) - 1, MOST_POINTS).round().astype(int))
    figure, axes = new_figure()
    axes.plot(thresholds[some], precision[some], label="precision")
    axes.plot(thresholds[some], recall[some], label="recall")
    both = np.maximum(precision[some] + recall[some], 1e-12)
    axes.plot(thresholds[some], 2 * precision[some] * recall[some] / both, label="F1")
    axes.axvline(threshold, linestyle="--", color="0.6", label=f"threshold {threshold:.3f}")
    axes.set(xlabel="Threshold", xlim=(0, 1), ylim=(0, 1.02))
    axes.legend(loc="lower left", fontsize="small")
    return figure
