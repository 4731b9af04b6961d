"""Probabilities must be what they say: the expected calibration error on the test rows.

Even a perfect model has an error on few rows. What chance alone makes of the same probabilities is drawn beside it, and
an error that is within it is not held against the model.
"""

from __future__ import annotations

import numpy as np

from tabi.bundle import layout
from tabi.gates.candidate import Candidate
from tabi.gates.verdict import Verdict, level_above
from tabi.training.reports.calibration import judged, measured

GATE = "calibration"
ECE = 0.1
DRAWS = 200


def calibration_gate(candidate: Candidate) -> Verdict:
    """Fail above the project's bound, warn above the usual one. Numbers are no probabilities."""
    subject = candidate.subject
    if subject.task == "regression":
        return Verdict(GATE, "skipped", {}, "a number is no probability")
    y, given = judged(subject, subject.test.y, subject.prediction)
    ece = float(measured(y, given)["ece"])
    random = np.random.default_rng(subject.seed)
    drawn = [measured((random.random(len(given)) < given).astype(np.int8), given)["ece"] for _ in range(DRAWS)]
    chance = float(np.quantile(drawn, 0.95))
    level = level_above(ece, candidate.gates.calibration.ece_maximum, ECE)
    told = f"expected calibration error {ece:.4f}, of which chance alone makes up to {chance:.4f}"
    if level != "pass" and ece <= chance:
        level, told = "pass", f"{told}: not more than chance"
    report = f"{layout.REPORTS}calibration.json"
    return Verdict(GATE, level, {"ece": ece, "chance": chance, "rows": float(len(y))}, told, report)
