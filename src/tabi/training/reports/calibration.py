"""Whether probabilities are what they say: curve, Brier score and expected calibration error.

Of several classes, the confidence in the predicted class is judged by how often it is right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from sklearn.calibration import CalibratedClassifierCV
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from tabi.training.reports.pictures import Json, new_figure
from tabi.training.reports.subject import Subject
from tabi.training.stages import Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BINS = 10
_LIMIT = 1e-12


def calibration_report(subject: Subject) -> tuple[Json, Figure]:
    """Before and after calibration.

    Where the project calibrates, `before` is its model without that and `after` the model. Where it does not, `before`
    is the model, and `sigmoid` and `isotonic` are what either calibration, learnt on out-of-fold predictions of the
    training rows, would make of it.
    """
    y, given = judged(subject, subject.test.y, subject.prediction)
    uncalibrated = _without_calibration(subject)
    if uncalibrated is not None:
        method, raw = uncalibrated
        found = {"before": measured(*judged(subject, subject.test.y, raw)), "after": measured(y, given)}
        content: Json = {"calibrated": method, "rows": len(y), **found}
    else:
        found = {"before": measured(y, given), **_if_calibrated(subject, y, given)}
        content = {"calibrated": "none", "rows": len(y), **found}
    return content, _figure(found)


def measured(y: npt.NDArray[Any], probability: Floats) -> Json:
    """Brier score, expected calibration error and curve of probabilities, over bins that hold equally many rows."""
    edges = np.unique(np.quantile(probability, np.linspace(0, 1, BINS + 1)[1:-1]))
    place = np.searchsorted(edges, probability, side="left")
    rows = np.bincount(place, minlength=len(edges) + 1)
    kept = rows > 0
    predicted = np.bincount(place, probability, len(rows))[kept] / rows[kept]
    observed = np.bincount(place, y, len(rows))[kept] / rows[kept]
    curve = [
        {"predicted": float(p), "observed": float(o), "rows": int(n)}
        for p, o, n in zip(predicted, observed, rows[kept], strict=True)
    ]
    return {
        "brier": float(np.mean((probability - y) ** 2)),
        "ece": float(np.sum(rows[kept] * np.abs(observed - predicted)) / len(y)),
        "curve": curve,
    }


def judged(subject: Subject, y: npt.NDArray[Any], prediction: Floats) -> tuple[npt.NDArray[Any], Floats]:
    """What is to happen, 0 or 1, and the probability that is given for it."""
    if subject.task == "binary":
        return y, prediction
    return (prediction.argmax(axis=1) == y).astype(np.int8), np.asarray(prediction.max(axis=1))


def _without_calibration(subject: Subject) -> tuple[str, Floats] | None:
    last = subject.pipeline[-1]
    if not isinstance(last, CalibratedClassifierCV):
        return None
    encoded = subject.pipeline[:-1].transform(subject.test.X) if len(subject.pipeline) > 1 else subject.test.X
    members = [member.estimator.predict_proba(encoded) for member in last.calibrated_classifiers_]
    raw = np.mean(members, axis=0)
    return str(last.method), np.asarray(raw[:, 1] if subject.task == "binary" else raw)


def _if_calibrated(subject: Subject, y: npt.NDArray[Any], given: Floats) -> Json:
    if subject.out_of_fold is None:
        return {}
    known = np.isfinite(subject.out_of_fold).reshape(len(subject.out_of_fold), -1).all(axis=1)
    labels, learnt = judged(subject, subject.training.y[known], subject.out_of_fold[known])
    if not 0 < labels.sum() < len(labels):
        return {}
    sigmoid = LogisticRegression(C=np.inf).fit(_log_odds(learnt), labels)
    isotonic = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(learnt, labels)
    return {
        "sigmoid": measured(y, sigmoid.predict_proba(_log_odds(given))[:, 1]),
        "isotonic": measured(y, np.asarray(isotonic.predict(given))),
    }


def _log_odds(probability: Floats) -> Floats:
    inside = np.clip(probability, _LIMIT, 1 - _LIMIT)
    return np.asarray(np.log(inside / (1 - inside)))[:, None]


def _figure(found: Json) -> Figure:
    figure, axes = new_figure(5.0)
    axes.plot([0, 1], [0, 1], "--", color="0.7")
    for name, each in found.items():
        curve = each["curve"]
        label = f"{name}: Brier {each['brier']:.4f}, ECE {each['ece']:.4f}"
        axes.plot([p["predicted"] for p in curve], [p["observed"] for p in curve], "o-", label=label, markersize=4)
    axes.set(xlabel="Predicted probability", ylabel="Observed share", xlim=(0, 1), ylim=(0, 1.02))
    axes.legend(loc="upper left", fontsize="small")
    return figure
