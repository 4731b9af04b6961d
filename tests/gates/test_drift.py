"""The new snapshot against the one that the champion was made of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabi.gates import Candidate
from tabi.gates.drift import drift_gate, psi
from tests.gates.conftest import Make, loans, released, with_gates

counts = st.lists(st.integers(0, 1000), min_size=2, max_size=12)


@given(counts, st.data())
def test_psi_is_nothing_for_equal_shares_and_never_negative(before: list[int], data: st.DataObject) -> None:
    after = data.draw(st.lists(st.integers(0, 1000), min_size=len(before), max_size=len(before)))
    first, second = np.array(before, dtype=float), np.array(after, dtype=float)
    assert psi(first, first) == 0
    assert psi(first, second) >= 0
    assert psi(first, second) == pytest.approx(psi(second, first))


def test_without_a_champion_there_is_nothing_to_compare_with(candidate: Candidate) -> None:
    found = drift_gate(candidate)
    assert (found.verdict, found.reason) == ("skipped", "there is no earlier release to compare with")


def test_the_column_that_moved_most_is_named(make: Make) -> None:
    champion = released(make(loans(), run_id="old"))
    same = make(loans(seed=1), run_id="same", champion=champion)
    assert drift_gate(same).verdict == "pass"
    assert drift_gate(same).figures["psi"] < 0.1
    moved = loans(seed=2).assign(income=lambda f: f["income"] + 1.5)
    further = make(moved, run_id="moved", champion=champion)
    found = drift_gate(further)
    assert found.verdict == "warn"
    assert found.reason.startswith("column 'income' moved most, PSI ")
    assert drift_gate(with_gates(further, "gates: {drift: {psi_maximum: 0.3}}\n")).verdict == "fail"


def test_new_categories_and_missing_values_count(make: Make) -> None:
    champion = released(make(loans(), run_id="old"))
    for name, frame in (
        ("group", loans(seed=1).assign(group="new")),
        ("debt", loans(seed=1).assign(debt=lambda f: f["debt"].where(f.index % 2 == 0))),
    ):
        found = drift_gate(make(frame, run_id=name, champion=champion))
        assert found.verdict == "warn"
        assert f"column {name!r} moved most" in found.reason


def test_the_same_snapshot_has_not_moved(make: Make) -> None:
    champion = released(make(loans(), run_id="old"))
    found = drift_gate(make(loans(), run_id="new", champion=champion))
    assert (found.verdict, found.figures) == ("pass", {"psi": 0.0})


def test_columns_of_one_of_the_two_are_told(make: Make) -> None:
    champion = released(make(loans().assign(old=1.0), run_id="old"))
    found = drift_gate(make(loans(seed=1).assign(age=2.0), run_id="new", champion=champion))
    assert found.verdict == "warn"
    assert "new: 'age'; gone: 'old'" in found.reason
