from __future__ import annotations

import pytest

from tabi.compile import Parity
from tabi.compile.parity import KindResult, Worst
from tabi.gates.parity import proved


def parity(largest: float, step: str | None = None) -> Parity:
    kinds = {"test": KindResult(10, largest)}
    return Parity(largest, 1e-9, 10, Worst("test", 3), kinds, nodes=8, bytes=100, versions={}, step=step)


@pytest.mark.parametrize(("largest", "verdict"), [(0.0, "pass"), (1e-9, "pass"), (1.1e-9, "fail"), (1.0, "fail")])
def test_parity_passes_up_to_its_bound_and_fails_above(largest: float, verdict: str) -> None:
    found = proved(parity(largest, "prep/num (StandardScaler)"))
    assert found.verdict == verdict
    assert found.figures == {"max_abs_diff": largest, "bound": 1e-9, "rows": 10.0}


def test_a_failed_parity_names_the_step_and_the_worst_row() -> None:
    reason = proved(parity(0.5, "prep/num (StandardScaler)")).reason
    assert "step prep/num (StandardScaler) differs by 5.0e-01 on test row 3" in reason


def test_infinite_difference_fails() -> None:
    assert proved(parity(float("inf"), "clf")).verdict == "fail"
