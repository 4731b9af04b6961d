"""Probabilities against what happens."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tabi.gates import Candidate
from tabi.gates.calibration import calibration_gate
from tests.gates.conftest import LEAST, Make, loans, with_gates


def answering(candidate: Candidate, probability: object) -> Candidate:
    """The same candidate as if its graph answered this."""
    other = replace(candidate)
    other.__dict__["prediction"] = np.asarray(probability, dtype=np.float64)
    return other


def test_a_usual_model_passes(candidate: Candidate) -> None:
    found = calibration_gate(candidate)
    assert found.verdict == "pass"
    assert 0 < found.figures["ece"] < 0.2


def test_probabilities_that_promise_too_much_warn_and_a_bound_stops(make: Make) -> None:
    honest = make(loans(1500))
    bold = answering(honest, np.where(honest.prediction > 0.5, 0.999, 0.001))
    found = calibration_gate(bold)
    assert found.verdict == "warn"
    assert found.figures["ece"] > found.figures["chance"]
    bounded = with_gates(honest, "gates: {calibration: {ece_maximum: 0.1}}\n")
    assert calibration_gate(answering(bounded, bold.prediction)).verdict == "fail"


def test_an_error_that_is_chance_is_not_held_against_the_model(make: Make) -> None:
    few = make(loans(60), "gates: {calibration: {ece_maximum: 0.001}}\n")
    y = few.test.y
    found = calibration_gate(answering(few, np.where(np.arange(len(y)) % 2, y.mean(), y.mean() + 0.01)))
    assert found.verdict == "pass"
    assert found.reason.endswith("not more than chance")


def test_numbers_are_no_probabilities(make: Make) -> None:
    frame = loans().assign(paid=lambda f: f["income"])
    assert calibration_gate(make(frame, f"{LEAST}params: {{max_iter: 5}}\n")).verdict == "skipped"
