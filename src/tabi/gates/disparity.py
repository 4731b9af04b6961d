"""What a model does to groups: rates by group with intervals, and the largest differences, by fairlearn's MetricFrame.

Of a share the interval is Wilson's; of ROC AUC and of a difference of shares a bootstrap's; of a mean the normal one.
A share resampled with its rows is a binomial draw, so differences of shares are resampled without touching rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tabi.errors import ConfigError
from tabi.gates.bootstrap import auc_scorer, interval_of
from tabi.gates.groups import Groups
from tabi.project import FairnessConfig
from tabi.training.reports.slices import Z, wilson
from tabi.training.stages import Floats

Json = dict[str, Any]
Bools = npt.NDArray[np.bool_]

RESAMPLES, DRAWS = 300, 2000


class Decision(NamedTuple):
    """What is decided of each test row: whether it is so, whether it is said to be so, and the probability."""

    truth: Bools
    decided: Bools
    probability: Floats


def disparity_of_classes(decision: Decision, groups: Groups, config: FairnessConfig, seed: int) -> Json:
    """Selection rate, TPR, FPR and AUC by group, and the largest differences between groups that are judged."""
    frame = _frame(decision, groups)
    rows = np.bincount(groups.place, minlength=len(groups.names))
    positives = np.bincount(groups.place, decision.truth, len(groups.names)).astype(np.int64)
    of = {"selection_rate": rows, "tpr": positives, "fpr": rows - positives}
    least = {name: config.least_rows if name == "selection_rate" else config.least_positives for name in of}
    large = rows >= config.least_rows
    judged = {name: large & (counts >= least[name]) for name, counts in of.items()}
    judged["auc"] = judged["tpr"] & judged["fpr"]
    told = []
    for place, name in enumerate(groups.names):
        each: Json = {"group": name, "rows": int(rows[place]), "positives": int(positives[place])}
        each["small"] = not large[place]
        each |= {rate: _share(frame[rate][place], int(counts[place])) for rate, counts in of.items()}
        each["auc"] = _auc(decision, groups.place == place, seed)
        each["judged"] = [rate for rate, kept in judged.items() if kept[place]]
        told.append(each)
    random = np.random.default_rng(seed)
    drawn = {rate: _drawn(frame[rate], counts, judged[rate], random) for rate, counts in of.items()}
    widest = {rate: _spread(frame[rate], judged[rate]) for rate in of}
    odds = [spread for rate in ("tpr", "fpr") if (spread := widest[rate]) is not None]
    differences: Json = {
        "demographic_parity": _difference(widest["selection_rate"], drawn["selection_rate"]),
        "equalized_odds": _difference(
            max(odds) if len(odds) == 2 else None,
            np.maximum(drawn["tpr"], drawn["fpr"]) if len(odds) == 2 else np.empty(0),
        ),
        "auc": _difference(_spread([each["auc"]["value"] for each in told], judged["auc"]), np.empty(0)),
    }
    return {"groups": told, "differences": differences}


def disparity_of_numbers(y: Floats, value: Floats, groups: Groups, config: FairnessConfig) -> Json:
    """Mean prediction, mean error (prediction minus truth) and mean absolute error by group.

    The difference of the mean predictions is told in standard deviations of the truth.
    """
    told, means = [], []
    for place, name in enumerate(groups.names):
        own = groups.place == place
        small = int(own.sum()) < config.least_rows
        told.append(
            {
                "group": name,
                "rows": int(own.sum()),
                "small": small,
                "mean_prediction": _mean(value[own]),
                "mean_error": _mean(value[own] - y[own]),
                "mean_absolute_error": _mean(np.abs(value[own] - y[own])),
                "judged": [] if small else ["mean_prediction"],
            }
        )
        means.append(float(value[own].mean()))
    spread = float(np.std(y)) or 1.0
    widest = _spread(means, np.array([not each["small"] for each in told]))
    none = _difference(None, np.empty(0))
    parity = _difference(None if widest is None else widest / spread, np.empty(0))
    return {"groups": told, "differences": {"demographic_parity": parity, "equalized_odds": none, "auc": none}}


def _frame(decision: Decision, groups: Groups) -> Mapping[str, list[float]]:
    """The rates of each group, in the groups' order; NaN where a group has no row of the kind."""
    try:
        from fairlearn.metrics import MetricFrame, false_positive_rate, selection_rate, true_positive_rate
    except ModuleNotFoundError as error:
        raise ConfigError("fairness.sensitive needs fairlearn: install tabi[ops], or name no column") from error

    metrics: dict[str, Callable[..., float]] = {
        "selection_rate": lambda truth, decided: selection_rate(truth, decided, pos_label=1),
        "tpr": lambda truth, decided: _rate(true_positive_rate, truth, decided, 1),
        "fpr": lambda truth, decided: _rate(false_positive_rate, truth, decided, 0),
    }
    found = MetricFrame(
        metrics=metrics,
        y_true=decision.truth.astype(int),
        y_pred=decision.decided.astype(int),
        sensitive_features=groups.place,
    ).by_group
    return {name: [float(found[name].loc[place]) for place in range(len(groups.names))] for name in metrics}


def _rate(rate: Callable[..., float], truth: Any, decided: Any, among: int) -> float:
    return float(rate(truth, decided, pos_label=1)) if (np.asarray(truth) == among).any() else float("nan")


def _share(value: float, rows: int) -> Json:
    if not rows:
        return {"value": None, "low": None, "high": None}
    low, high = wilson(np.array([value * rows]), np.array([float(rows)]))
    return {"value": value, "low": max(float(low[0]), 0.0), "high": min(float(high[0]), 1.0)}


def _auc(decision: Decision, own: Bools, seed: int) -> Json:
    truth = decision.truth[own]
    if not 0 < truth.sum() < len(truth):
        return {"value": None, "low": None, "high": None}
    return interval_of(auc_scorer(truth, decision.probability[own]), len(truth), RESAMPLES, seed)._asdict()


def _mean(values: Floats) -> Json:
    mean, half = float(values.mean()), float(Z * values.std() / np.sqrt(len(values)))
    return {"value": mean, "low": mean - half, "high": mean + half}


def _spread(values: list[Any], judged: Bools) -> float | None:
    """The largest difference between judged groups; None where there are not two."""
    held = [value for value, kept in zip(values, judged, strict=True) if kept and value is not None]
    return max(held) - min(held) if len(held) > 1 else None


def _drawn(rates: list[float], counts: npt.NDArray[np.int64], judged: Bools, random: np.random.Generator) -> Floats:
    """The largest difference of each resample."""
    if judged.sum() < 2:
        return np.empty(0)
    own = counts[judged]
    drawn = random.binomial(own, np.asarray(rates)[judged], (DRAWS, len(own))) / own
    return np.asarray(drawn.max(axis=1) - drawn.min(axis=1))


def _difference(value: float | None, drawn: Floats) -> Json:
    low, high = np.quantile(drawn, [0.025, 0.975]).tolist() if len(drawn) else (None, None)
    return {"value": value, "low": low, "high": high}
