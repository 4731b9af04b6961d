from __future__ import annotations

import json

import pytest

from tabi.compile import Parity
from tabi.compile.parity import KindResult, Worst
from tabi.errors import GateError
from tabi.gates import Verdict, auc_gate, parity_gate, require, to_json


def parity(largest: float, step: str | None = None) -> Parity:
    kinds = {"test": KindResult(10, largest)}
    return Parity(largest, 1e-9, 10, Worst("test", 3), kinds, nodes=8, bytes=100, versions={}, step=step)


@pytest.mark.parametrize(("largest", "verdict"), [(0.0, "pass"), (1e-9, "pass"), (1.1e-9, "fail"), (1.0, "fail")])
def test_parity_passes_up_to_its_bound_and_fails_above(largest: float, verdict: str) -> None:
    found = parity_gate(parity(largest, "prep/num (StandardScaler)"))
    assert found.verdict == verdict
    assert found.figures == {"max_abs_diff": largest, "bound": 1e-9, "rows": 10.0}


def test_a_failed_parity_names_the_step_and_the_worst_row() -> None:
    reason = parity_gate(parity(0.5, "prep/num (StandardScaler)")).reason
    assert "step prep/num (StandardScaler) differs by 5.0e-01 on test row 3" in reason


def test_infinite_difference_fails() -> None:
    assert parity_gate(parity(float("inf"), "clf")).verdict == "fail"


@pytest.mark.parametrize(
    ("auc", "verdict"), [(0.9, "pass"), (0.91, "pass"), (0.8999999, "fail"), (float("nan"), "fail")]
)
def test_auc_must_reach_the_minimum(auc: float, verdict: str) -> None:
    assert auc_gate(auc, 0.9).verdict == verdict


def test_every_failed_gate_is_named_and_warnings_are_let_through() -> None:
    warned = Verdict("size", "warn", {}, "large")
    require([warned, auc_gate(0.9, 0.8)], "shop")
    with pytest.raises(GateError, match=r"no bundle of 'shop': gate auc: .*; gate parity: .*"):
        require([auc_gate(0.1, 0.8), warned, parity_gate(parity(1.0, "clf"))], "shop")


def test_verdicts_are_written_with_their_figures() -> None:
    (written,) = json.loads(to_json([auc_gate(0.9, 0.8)]))
    assert written["figures"] == {"auc": 0.9, "minimum": 0.8}
    assert written["verdict"] == "pass"
