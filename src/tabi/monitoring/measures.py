"""What labelled rows say of a model, under the names by which a release keeps the same figures of its test rows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tabi.contract import Task
from tabi.monitoring.intervals import Codes, Estimate, Floats, auc, bootstrapped, f1, macro_auc, mean, share

# as scikit-learn keeps a logarithm finite
_LEAST = float(np.finfo(np.float64).eps)

LESS_IS_BETTER = frozenset({"log_loss", "brier", "ece", "rmse", "mae"})
"""Of all other measures more is."""


class Labelled(NamedTuple):
    """Rows with their true labels.

    `true`: of two classes 1 for the positive one, of several the class's number, of a regression the number. `given`:
    the probability of the positive class, of each class (a column each), or the number. `decided`: the class that was
    answered, as `true` has it; of a regression nothing.
    """

    true: Codes
    given: Floats
    decided: Codes


def measures_of(task: Task, rows: Labelled) -> dict[str, Estimate]:
    """The estimates of a task."""
    if not len(rows.true):
        return {}
    if task == "regression":
        return _of_numbers(rows)
    return _of_two(rows) if task == "binary" else _of_several(rows)


def _of_two(rows: Labelled) -> dict[str, Estimate]:
    positive, p = rows.true == 1, rows.given
    hits = int((rows.decided == rows.true).sum())
    true_positives = int((positive & (rows.decided == 1)).sum())
    return {
        "auc": auc(positive, p),
        "acc_at_threshold": share(hits, len(positive)),
        "f1_at_threshold": f1(true_positives, len(positive) - hits),
        "log_loss": mean(-np.log(np.clip(np.where(positive, p, 1 - p), _LEAST, 1))),
        "brier": mean((p - positive) ** 2),
        "ece": _calibration(positive.astype(np.int8), p),
    }


def _of_several(rows: Labelled) -> dict[str, Estimate]:
    p, true = rows.given, rows.true.astype(np.intp)
    right = rows.decided == rows.true
    return {
        "auc": macro_auc(true, p),
        "acc": share(int(right.sum()), len(true)),
        "f1_macro": _macro_f1(rows),
        "log_loss": mean(-np.log(np.clip(p[np.arange(len(true)), true], _LEAST, 1))),
        "ece": _calibration(right.astype(np.int8), p.max(axis=1)),
    }


def _of_numbers(rows: Labelled) -> dict[str, Estimate]:
    from tabi.gates.bootstrap import scorer_of

    true, given, count = rows.true.astype(np.float64), rows.given, len(rows.true)
    off, squares = np.abs(given - true), (given - true) ** 2
    return {
        "r2": bootstrapped(scorer_of("regression", true, given), count),
        "rmse": bootstrapped(lambda weights: np.sqrt(weights @ squares / weights.sum(axis=1)), count),
        "mae": bootstrapped(lambda weights: np.asarray(weights @ off / weights.sum(axis=1)), count),
    }


def _calibration(happened: Codes, probability: Floats) -> Estimate:
    """The expected calibration error, over ten bins of equally many rows. Chance alone makes some of it, so it has no
    interval.
    """
    from tabi.training.reports.calibration import measured

    value = float(measured(happened, probability)["ece"])
    return Estimate(value, np.nan, np.nan)


def _macro_f1(rows: Labelled) -> Estimate:
    """The mean of the F1 of each class; no interval."""
    classes = rows.given.shape[1]
    right = rows.decided == rows.true
    each = []
    for place in range(classes):
        hits = int((right & (rows.true == place)).sum())
        wrong = int((~right & ((rows.true == place) | (rows.decided == place))).sum())
        # as scikit-learn counts a class that is neither there nor answered
        each.append(f1(hits, wrong).value if hits + wrong else 0.0)
    return Estimate(float(np.mean(each)), np.nan, np.nan)
