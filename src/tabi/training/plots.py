"""Pictures of a run for a person to judge by. The same figures give the same bytes."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from sklearn.metrics import confusion_matrix, precision_recall_curve, roc_curve

from tabi.contract import Target
from tabi.contract import Task as TaskName
from tabi.training.choice import best_of, front_of, near_best
from tabi.training.reports.pictures import new_figure, save_figure, shown
from tabi.training.search import SearchResult
from tabi.training.split import Labels
from tabi.training.stages import Floats
from tabi.training.tasks import Task

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# classes that have a name and a count in the confusion matrix, and how much of a name
CLASSES_NAMED, LABEL_LENGTH = 20, 16
# rows that are drawn as points
POINTS = 2000


def write_plots(folder: Path, y: Labels, predicted: Floats, target: Target) -> list[Path]:
    """Write what a model of the target's task predicts for the test rows as PNG into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        # a class's name in a script that the font lacks is drawn as boxes
        warnings.filterwarnings("ignore", message=r"Glyph \d+")
        figures = _BY_TASK[target.task](y, predicted, target).items()
        return [save_figure(folder / f"{name}.png", figure) for name, figure in figures]


def _of_two_classes(y: Labels, probability: Floats, target: Target) -> dict[str, Figure]:  # noqa: ARG001
    false_positive, true_positive, _ = roc_curve(y, probability)
    precision, recall, _ = precision_recall_curve(y, probability)
    return {
        "roc": _curve(false_positive, true_positive, "False positive rate", "True positive rate"),
        "precision_recall": _curve(recall, precision, "Recall", "Precision", diagonal=False),
    }


def _of_classes(y: Labels, probabilities: Floats, target: Target) -> dict[str, Figure]:
    """How many rows of each class were given each class."""
    count = len(target.classes)
    matrix = confusion_matrix(y, probabilities.argmax(axis=1), labels=np.arange(count))
    figure, axes = new_figure(5.0)
    axes.imshow(matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1), cmap="Blues", vmin=0, vmax=1)
    if count <= CLASSES_NAMED:
        names = [shown(label, LABEL_LENGTH) for label in target.classes]
        axes.set_xticks(np.arange(count), names, rotation=90)
        axes.set_yticks(np.arange(count), names)
        for (row, column), rows in np.ndenumerate(matrix):
            dark = rows > matrix[row].sum() / 2
            axes.text(column, row, str(rows), ha="center", va="center", color="white" if dark else "black", fontsize=7)
    axes.set(xlabel="Predicted class", ylabel="True class")
    return {"confusion_matrix": figure}


def _of_numbers(y: Labels, value: Floats, target: Target) -> dict[str, Figure]:  # noqa: ARG001
    """What was predicted against what is true, and by how much each is off."""
    some = np.linspace(0, len(y) - 1, min(len(y), POINTS)).astype(int)
    against, axes = new_figure(5.0)
    ends = [float(min(y.min(), value.min())), float(max(y.max(), value.max()))]
    axes.plot(ends, ends, "--", color="0.7")
    axes.plot(y[some], value[some], ".", alpha=0.5)
    axes.set(xlabel="True", ylabel="Predicted")
    residuals, axes = new_figure(4.0)
    axes.axhline(0.0, linestyle="--", color="0.7")
    axes.plot(value[some], (y - value)[some], ".", alpha=0.5)
    axes.set(xlabel="Predicted", ylabel="True minus predicted")
    return {"predicted_against_true": against, "residuals": residuals}


# the pictures of a task, by name
_BY_TASK: dict[TaskName, Callable[[Labels, Floats, Target], dict[str, Figure]]] = {
    "binary": _of_two_classes,
    "multiclass": _of_classes,
    "regression": _of_numbers,
}


def write_front(folder: Path, found: SearchResult, task: Task) -> Path:
    """Write what the candidates of the last rung are worth and cost as `front.json` and `front.png` into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    best = best_of(found.last)
    candidates = [
        {
            "candidate": s.candidate,
            "params": s.params,
            task.score_name: s.mean,
            "behind": s.behind(best)[0],
            "standard_error": s.behind(best)[1],
            "cost_us": s.cost if math.isfinite(s.cost) else None,
        }
        for s in found.last
    ]
    front = [s.candidate for s in front_of(found.last)]
    content = {
        "best": best.candidate,
        "winner": found.won.candidate,
        "front": front,
        "candidates": candidates,
    }
    (folder / "front.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return save_figure(folder / "front.png", _front(found, task))


def _front(found: SearchResult, task: Task) -> Figure:
    figure, axes = new_figure(4.0)
    known = [s for s in found.last if math.isfinite(s.cost)]
    axes.plot([s.cost for s in known], [s.mean for s in known], ".", color="0.7", label="candidates")
    front = front_of(known)
    axes.plot([s.cost for s in front], [s.mean for s in front], "o-", label="front")
    if math.isfinite(found.won.cost):
        axes.plot([found.won.cost], [found.won.mean], "*", markersize=14, label="winner")
    near = [s for s in near_best(found.last) if math.isfinite(s.cost)]
    axes.plot(
        [s.cost for s in near], [s.mean for s in near], "o", color="0.5", mfc="none", label="within 1 s.e. of the best"
    )
    axes.set(xlabel="Estimated µs a row", ylabel=f"{task.score_label}, mean of the folds")
    axes.legend(loc="lower right")
    return figure


def _curve(x: Floats, y: Floats, x_label: str, y_label: str, *, diagonal: bool = True) -> Figure:
    figure, axes = new_figure(5.0)
    if diagonal:
        axes.plot([0, 1], [0, 1], "--", color="0.7")
    axes.plot(x, y)
    axes.set(xlabel=x_label, ylabel=y_label, xlim=(0, 1), ylim=(0, 1.02))
    return figure
