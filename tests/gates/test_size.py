"""Bytes against their bounds."""

from __future__ import annotations

import pytest

from tabi.gates import Candidate
from tabi.gates.size import size_gate
from tests.gates.conftest import with_gates


def test_a_small_bundle_passes_with_its_figures(candidate: Candidate) -> None:
    found = size_gate(candidate)
    assert found.verdict == "pass"
    assert found.figures["graph"] == len(candidate.graph)
    assert found.figures["bundle"] > found.figures["graph"]


@pytest.mark.parametrize("bound", ["graph_maximum: 100", "bundle_maximum: 1000"])
def test_a_bound_of_the_project_stops(candidate: Candidate, bound: str) -> None:
    found = size_gate(with_gates(candidate, f"gates: {{size: {{{bound}}}}}\n"))
    assert found.verdict == "fail"
    assert "the largest file " in found.reason
