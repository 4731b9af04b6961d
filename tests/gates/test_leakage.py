"""What the test must not have been told before."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tabi.gates import Candidate
from tabi.gates.leakage import column_scores, leakage_gate
from tests.gates.conftest import LEAST, Make, loans, with_gates


def test_honest_rows_pass_and_every_column_has_a_score(candidate: Candidate) -> None:
    found = leakage_gate(candidate)
    assert found.verdict == "pass"
    scores = column_scores(candidate.contract, candidate.train, candidate.test)
    assert set(scores) == {"income", "debt", "sex", "group"}
    assert 0.6 < scores["income"] < 0.9
    assert abs(scores["group"] - 0.5) < 0.1


@pytest.mark.parametrize("disguise", ["number", "text", "fine steps"])
def test_a_column_that_is_the_target_in_disguise_is_named(make: Make, disguise: str) -> None:
    frame = loans()
    yes = frame["paid"] == "yes"
    # the decision is hidden in every other of sixty steps
    steps = 2.0 * (np.arange(600) % 30)
    frame["booked"] = {
        "number": np.where(yes, 1.0, 0.0) + np.linspace(0, 0.5, 600),
        "text": np.where(yes, "b", "a"),
        "fine steps": steps + yes,
    }[disguise]
    leaking = make(frame)
    found = leakage_gate(leaking)
    assert found.verdict == "warn"
    assert "the best column alone, 'booked', has auc 1.0000, as if it were the target" in found.reason
    assert leakage_gate(with_gates(leaking, "gates: {leakage: {column_maximum: 0.95}}\n")).verdict == "fail"


def test_rows_on_both_sides_of_the_cut_are_counted(make: Make) -> None:
    both = make(pd.concat([loans(300)] * 2))
    found = leakage_gate(both)
    assert found.verdict == "warn"
    assert found.figures["shared"] > 0.5
    assert leakage_gate(with_gates(both, "gates: {leakage: {shared_maximum: 0.1}}\n")).verdict == "fail"


@pytest.mark.parametrize("task", ["regression", "multiclass"])
def test_other_tasks_are_looked_at_by_their_own_score(make: Make, task: str) -> None:
    frame = loans()
    number = frame["income"] * 3 + frame["debt"]
    frame["paid"] = number if task == "regression" else np.digitize(number, [-2, 2])
    frame["copy"] = 2 * number
    text = f"{LEAST}task: {task}\nparams: {{max_iter: 5}}\n"
    found = leakage_gate(make(frame, text))
    assert found.verdict == "warn"
    assert "'copy', has " + ("r2" if task == "regression" else "auc") in found.reason
