"""The section of what is expected before labels come: accuracy and AUC from the model's own probabilities."""

from __future__ import annotations

import msgspec
import numpy as np

from tabi.monitoring.estimate import Estimate, estimate_binary, estimate_top
from tabi.monitoring.question import Question
from tabi.monitoring.section import Found, not_judged, too_few

TITLE = "expected performance"
ASSUMES = "assumes that probabilities are calibrated on these rows: true where only inputs drifted, not the concept"


def look(question: Question) -> Found:
    """It is only told: what is expected is no measurement."""
    target = question.bundle.contract().target
    if target.task == "regression":
        return not_judged(TITLE, "a number comes without a probability")
    found = question.tables.columns(
        "SELECT coalesce(probability, list_max(probabilities)) AS p FROM predictions WHERE version = $version "
        "AND (probability IS NOT NULL OR probabilities IS NOT NULL)",
        version=question.bundle.id,
    )
    p = np.asarray(np.ma.getdata(found["p"]), dtype=np.float64)
    binary = target.task == "binary"
    estimate = estimate_binary(p, question.bundle.threshold().threshold) if binary else estimate_top(p)
    if estimate is None:
        return not_judged(TITLE, too_few(0, 1), needed=1)
    return Found(
        title=TITLE,
        verdict="pass",
        reason=_told(estimate),
        lines=[ASSUMES],
        figures={**msgspec.to_builtins(estimate), "assumes": ASSUMES},
    )


def _told(estimate: Estimate) -> str:
    low, high = estimate.accuracy_interval
    told = f"{estimate.rows} rows, accuracy {estimate.accuracy:.4f} [{low:.4f}, {high:.4f}]"
    if estimate.auc is not None and estimate.auc_interval is not None:
        low, high = estimate.auc_interval
        told += f", AUC {estimate.auc:.4f} [{low:.4f}, {high:.4f}]"
    return told
