from __future__ import annotations

import pytest

from tabi.gates import auc_gate, quality_gate, r2_gate
from tabi.project import GatesConfig


@pytest.mark.parametrize(
    ("auc", "verdict"), [(0.9, "pass"), (0.91, "pass"), (0.8999999, "fail"), (float("nan"), "fail")]
)
def test_auc_must_reach_the_minimum(auc: float, verdict: str) -> None:
    assert auc_gate(auc, 0.9).verdict == verdict


@pytest.mark.parametrize(("r2", "verdict"), [(0.5, "pass"), (1.0, "pass"), (-0.1, "fail"), (float("nan"), "fail")])
def test_r2_must_reach_the_minimum(r2: float, verdict: str) -> None:
    assert r2_gate(r2, 0.5).verdict == verdict


def test_the_gate_of_a_task_is_that_of_its_score() -> None:
    gates = GatesConfig(auc_minimum=0.8, r2_minimum=0.3)
    for task in ("binary", "multiclass"):
        assert quality_gate({"auc": 0.9}, task, gates) == auc_gate(0.9, 0.8)
    assert quality_gate({"r2": 0.2}, "regression", gates) == r2_gate(0.2, 0.3)
