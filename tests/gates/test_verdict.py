from __future__ import annotations

import json

import pytest

from tabi.errors import GateError
from tabi.gates import Verdict, auc_gate, require, to_json


def test_every_failed_gate_is_named_and_warnings_are_let_through() -> None:
    warned = Verdict("size", "warn", {}, "large")
    require([warned, auc_gate(0.9, 0.8)], "shop")
    with pytest.raises(GateError, match=r"no bundle of 'shop': gate auc: AUC 0.1000.*; gate auc: AUC 0.2000.*"):
        require([auc_gate(0.1, 0.8), warned, auc_gate(0.2, 0.8)], "shop")


def test_verdicts_are_written_with_their_figures() -> None:
    (written,) = json.loads(to_json([auc_gate(0.9, 0.8)]))
    assert written["figures"] == {"auc": 0.9, "minimum": 0.8}
    assert written["verdict"] == "pass"
