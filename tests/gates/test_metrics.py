"""Metrics of the test set against the project's bounds."""

from __future__ import annotations

import pytest

from tabi.gates.metrics import judged
from tabi.project import GatesConfig


@pytest.mark.parametrize(
    ("auc", "verdict"), [(0.9, "pass"), (0.91, "pass"), (0.8999999, "fail"), (float("nan"), "fail")]
)
def test_auc_must_reach_the_minimum(auc: float, verdict: str) -> None:
    for task in ("binary", "multiclass"):
        assert judged({"auc": auc}, task, GatesConfig(auc_minimum=0.9)).verdict == verdict


@pytest.mark.parametrize(("r2", "verdict"), [(0.5, "pass"), (1.0, "pass"), (-0.1, "fail"), (float("nan"), "fail")])
def test_r2_must_reach_the_minimum(r2: float, verdict: str) -> None:
    assert judged({"r2": r2}, "regression", GatesConfig(r2_minimum=0.5)).verdict == verdict


METRICS = {"auc": 0.9, "acc": 0.8, "log_loss": 0.4}


@pytest.mark.parametrize(
    ("gates", "verdict", "told"),
    [
        (GatesConfig(minimum={"acc": 0.8}), "pass", "acc 0.8000, at least 0.8000 asked"),
        (GatesConfig(minimum={"acc": 0.81}), "fail", "acc 0.8000 on the test set is below gates.minimum.acc 0.8100"),
        (GatesConfig(maximum={"log_loss": 0.4}), "pass", "log_loss 0.4000, at most 0.4000 asked"),
        (GatesConfig(maximum={"log_loss": 0.3}), "fail", "log_loss 0.4000 on the test set is above gates.maximum"),
        (GatesConfig(minimum={"accuracy": 0.5}), "fail", "there is no metric 'accuracy', there are auc, acc, log_loss"),
        (GatesConfig(auc_minimum=0.95, minimum={"acc": 0.9}), "fail", "auc 0.9000 on the test set is below"),
    ],
)
def test_any_metric_can_be_bounded_from_either_side(gates: GatesConfig, verdict: str, told: str) -> None:
    found = judged(METRICS, "binary", gates)
    assert found.verdict == verdict
    assert told in found.reason


def test_every_missed_bound_is_named_with_its_figures() -> None:
    found = judged(METRICS, "binary", GatesConfig(auc_minimum=0.95, minimum={"acc": 0.9}))
    assert "gates.auc_minimum" in found.reason
    assert "gates.minimum.acc" in found.reason
    assert found.figures == {"auc": 0.9, "auc_minimum": 0.95, "acc": 0.8, "acc_minimum": 0.9}
