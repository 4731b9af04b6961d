"""The snapshot's rows against the contract and the project's bounds."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from tabi.gates import Candidate, Verdict
from tabi.gates.data_quality import data_quality_gate
from tests.gates.conftest import Make, loans, with_gates


def test_rows_that_keep_every_rule_pass(candidate: Candidate) -> None:
    found = data_quality_gate(candidate)
    assert (found.verdict, found.reason) == ("pass", "600 rows keep every rule")
    assert found.figures["rules_broken"] == 0
    assert found.report == "reports/data_quality.json"
    checks = json.loads((candidate.folder / found.report).read_bytes())["checks"]
    assert {each["check"] for each in checks} == {"rows", "missing", "duplicates", "class"}


@pytest.mark.parametrize(
    ("columns", "rule"),
    [
        ("income: {minimum: -1}", "column 'income': 8 rows break below_minimum"),
        ("income: {maximum: 1}", "column 'income': 8 rows break above_maximum"),
        ("sex: {categories: [f], closed: true}", "column 'sex': 20 rows break unknown_category"),
        ("debt: {nullable: false}", "column 'debt': 5 rows break missing"),
        ("id: {unique: true}", "column 'id': 2 rows break not_unique"),
    ],
)
def test_a_broken_rule_of_the_contract_fails_unless_the_project_allows_it(make: Make, columns: str, rule: str) -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "income": np.r_[np.full(8, -3.0), np.full(8, 3.0), np.linspace(-1, 1, 184)],
            "debt": np.r_[np.full(5, np.nan), random.normal(size=195)],
            "sex": ["m"] * 20 + ["f"] * 180,
            "id": np.r_[7.0, 7.0, np.arange(100.0, 298.0)],
            "paid": random.choice(["yes", "no"], 200),
        }
    )
    found = data_quality_gate(broken := make(frame, f"columns: {{{columns}}}\n"))
    assert found.verdict == "fail"
    assert rule in found.reason
    assert data_quality_gate(with_gates(broken, "gates: {data_quality: {broken_maximum: 0.2}}\n")).verdict == "pass"


def judged(make: Make, frame: pd.DataFrame, bounds: str) -> tuple[Verdict, Verdict]:
    """With the usual bounds, and with the project's own."""
    usual = make(frame)
    own = with_gates(usual, f"gates: {{data_quality: {{{bounds}}}}}\n")
    return data_quality_gate(usual), data_quality_gate(own)


@pytest.mark.parametrize(
    ("frame", "bounds", "told"),
    [
        (loans(80), "rows_minimum: 81", "80 rows are few"),
        (loans().assign(debt=lambda f: f["debt"].where(f.index < 200)), "missing_maximum: 0.6", "no value in 67%"),
        (pd.concat([loans(300)] * 2), "duplicates_maximum: 0.4", "300 rows repeat an earlier one"),
        (
            loans(1000).assign(paid=lambda f: np.where(f.index < 8, "yes", "no")),
            "class_minimum: 0.01",
            "the rarest class has 8 rows, 0.8% of all",
        ),
    ],
)
def test_the_usual_bound_warns_and_the_project_s_own_stops(
    make: Make, frame: pd.DataFrame, bounds: str, told: str
) -> None:
    usual, own = judged(make, frame, bounds)
    assert (usual.verdict, own.verdict) == ("warn", "fail")
    assert told in usual.reason
    assert told in own.reason


def test_rows_without_a_target_are_told_and_stop_nothing(make: Make) -> None:
    frame = loans(200).assign(paid=lambda f: f["paid"].where(f.index > 3))
    found = data_quality_gate(make(frame))
    assert (found.verdict, found.reason) == ("warn", "column 'paid': 4 rows break missing")
