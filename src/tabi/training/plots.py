"""Pictures of a run for a person to judge by. The same figures give the same bytes."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sklearn.calibration import calibration_curve
from sklearn.inspection import permutation_importance
from sklearn.metrics import precision_recall_curve, roc_curve
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from tabi.training.choice import best_of, front_of, near_best
from tabi.training.search import SearchResult
from tabi.training.split import Labels
from tabi.training.stages import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# More rows would not change the order of the columns, only the time it takes.
IMPORTANCE_ROWS = 1000


def write_plots(
    folder: Path, pipeline: Pipeline, X: pd.DataFrame, y: Labels, probability: Floats, seed: int
) -> list[Path]:
    """Write ROC, precision-recall, calibration and permutation importance of the test rows as PNG into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    false_positive, true_positive, _ = roc_curve(y, probability)
    precision, recall, _ = precision_recall_curve(y, probability)
    observed, predicted = calibration_curve(y, probability, n_bins=10, strategy="quantile")
    return [
        _save(folder / "roc.png", _curve(false_positive, true_positive, "False positive rate", "True positive rate")),
        _save(folder / "precision_recall.png", _curve(recall, precision, "Recall", "Precision", diagonal=False)),
        _save(folder / "calibration.png", _curve(predicted, observed, "Predicted probability", "Observed share", "o-")),
        _save(folder / "permutation_importance.png", _importance(pipeline, X, y, seed)),
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
    return _save(folder / "front.png", _front(found))


def _front(found: SearchResult) -> Figure:
    figure, axes = _figure(4.0)
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


def _curve(x: Floats, y: Floats, x_label: str, y_label: str, style: str = "-", *, diagonal: bool = True) -> Figure:
    figure, axes = _figure(5.0)
    if diagonal:
        axes.plot([0, 1], [0, 1], "--", color="0.7")
    axes.plot(x, y, style)
    axes.set(xlabel=x_label, ylabel=y_label, xlim=(0, 1), ylim=(0, 1.02))
    return figure


def _importance(pipeline: Pipeline, X: pd.DataFrame, y: Labels, seed: int) -> Figure:
    rows = np.sort(np.random.default_rng(seed).permutation(len(X))[:IMPORTANCE_ROWS])
    # hundreds of short predictions: more threads than one would spend their time on waiting for each other
    with threadpool_limits(1):
        found = permutation_importance(
            pipeline, X.iloc[rows], y[rows], scoring="roc_auc", n_repeats=3, random_state=seed, n_jobs=1
        )
    order = np.argsort(found.importances_mean, kind="stable")[-20:]
    figure, axes = _figure(1.5 + 0.3 * len(order))
    names = [str(X.columns[i]) for i in order]
    axes.barh(names, found.importances_mean[order], xerr=found.importances_std[order])
    axes.set_xlabel("Loss of ROC AUC when the column is shuffled")
    return figure


def _figure(height: float) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.0, height), layout="constrained")
    return figure, figure.subplots()


def _save(path: Path, figure: Figure) -> Path:
    # without the name of the library's version, which is all that a PNG would hold beside the pixels
    figure.savefig(path, dpi=100, metadata={"Software": None})
    return path
