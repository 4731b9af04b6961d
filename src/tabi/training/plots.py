"""Curves of a run and of its search, for a person to judge by. The same figures give the same bytes."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

from sklearn.metrics import precision_recall_curve, roc_curve

from tabi.training.choice import best_of, front_of, near_best
from tabi.training.reports.pictures import new_figure, save_figure
from tabi.training.search import SearchResult
from tabi.training.split import Labels
from tabi.training.stages import Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_plots(folder: Path, y: Labels, probability: Floats) -> list[Path]:
    """Write ROC and precision-recall of the test rows as PNG into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    false_positive, true_positive, _ = roc_curve(y, probability)
    precision, recall, _ = precision_recall_curve(y, probability)
    return [
        save_figure(
            folder / "roc.png", _curve(false_positive, true_positive, "False positive rate", "True positive rate")
        ),
        save_figure(folder / "precision_recall.png", _curve(recall, precision, "Recall", "Precision", diagonal=False)),
    ]


def write_front(folder: Path, found: SearchResult) -> Path:
    """Write what the candidates of the last rung are worth and cost as `front.json` and `front.png` into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    best = best_of(found.last)
    candidates = [
        {
            "candidate": s.candidate,
            "params": s.params,
            "auc": s.mean,
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
    return save_figure(folder / "front.png", _front(found))


def _front(found: SearchResult) -> Figure:
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
    axes.set(xlabel="Estimated µs a row", ylabel="Mean ROC AUC of the folds")
    axes.legend(loc="lower right")
    return figure


def _curve(x: Floats, y: Floats, x_label: str, y_label: str, *, diagonal: bool = True) -> Figure:
    figure, axes = new_figure(5.0)
    if diagonal:
        axes.plot([0, 1], [0, 1], "--", color="0.7")
    axes.plot(x, y)
    axes.set(xlabel=x_label, ylabel=y_label, xlim=(0, 1), ylim=(0, 1.02))
    return figure
