from __future__ import annotations

import pytest

from tabi.gates import auc_gate


@pytest.mark.parametrize(
    ("auc", "verdict"), [(0.9, "pass"), (0.91, "pass"), (0.8999999, "fail"), (float("nan"), "fail")]
)
def test_auc_must_reach_the_minimum(auc: float, verdict: str) -> None:
    assert auc_gate(auc, 0.9).verdict == verdict
