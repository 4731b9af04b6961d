"""The worst slice against all rows."""

from __future__ import annotations

import numpy as np

from tabi.gates import Candidate
from tabi.gates.slices import slices_gate
from tests.gates.conftest import Make, loans, with_gates


def uneven(rows: int = 1500):  # type: ignore[no-untyped-def]
    """The label of the group y is a coin; of the others it is the sign of the income."""
    frame = loans(rows)
    random = np.random.default_rng(1)
    told = np.where(frame["income"] > 0, "yes", "no")
    return frame.assign(paid=np.where(frame["group"] == "y", random.choice(["yes", "no"], rows), told))


def test_a_slice_that_is_much_worse_is_named(make: Make) -> None:
    bad = make(uneven())
    found = slices_gate(with_gates(bad, "gates: {slices: {ratio_maximum: 1.2}}\n"))
    assert found.verdict == "fail"
    assert found.reason.startswith("group = y")
    assert found.figures["ratio"] > 1.2
    assert slices_gate(bad).verdict == "pass"


def test_slices_that_differ_by_chance_pass(candidate: Candidate) -> None:
    found = slices_gate(candidate)
    assert found.verdict == "pass"
    assert found.figures["overall"] > 0


def test_a_model_without_an_error_has_no_worst_slice(make: Make) -> None:
    frame = loans().assign(paid=lambda f: np.where(f["income"] > 0, "yes", "no"))
    found = slices_gate(make(frame))
    assert found.verdict == "pass"
