"""Time in multiples of the machine's own floor."""

from __future__ import annotations

import time

import pytest

from tabi.gates import Candidate
from tabi.gates.latency import floor_session, latency_gate, measured
from tests.gates.conftest import Make, loans, with_gates


def test_one_row_and_a_hundred_are_measured_against_the_floor(candidate: Candidate) -> None:
    found = latency_gate(candidate)
    figures = found.figures
    assert figures["row_p95_us"] > figures["floor_p95_us"] * 0.5 > 0
    assert figures["hundred_p95_us"] > figures["row_p95_us"]
    assert figures["row"] == pytest.approx(figures["row_p95_us"] / figures["floor_p95_us"])


@pytest.mark.parametrize("bound", ["row_maximum: 0.001", "hundred_maximum: 0.001"])
def test_a_bound_of_the_project_stops(candidate: Candidate, bound: str) -> None:
    assert latency_gate(with_gates(candidate, f"gates: {{latency: {{{bound}}}}}\n")).verdict == "fail"


def test_a_slow_machine_is_slow_at_both() -> None:
    """What takes so much longer for everything leaves the multiple where it was."""
    once, twice = measured([lambda: time.sleep(0.002), lambda: time.sleep(0.001)])
    assert 1 < once / twice < 10


def test_fewer_than_a_hundred_test_rows_are_asked_again(make: Make) -> None:
    found = latency_gate(make(loans(60)))
    assert found.figures["hundred"] > 0


def test_the_floor_sums_numbers() -> None:
    import numpy as np

    from tabi.contract import Tensors

    rows = Tensors(np.array([[1.5], [2.0]]), np.empty((2, 0), dtype=object))
    assert floor_session().predict(rows).tolist() == [1.5, 2.0]
