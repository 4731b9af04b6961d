from __future__ import annotations

import numpy as np

from tabi.compile.hostile import THRESHOLDS_PER_COLUMN, hostile_rows
from tabi.compile.hostile_texts import CHANGES, TEXTS
from tabi.contract import CategoricalColumn, Contract, Target, Tensors, TextColumn
from tests.compile.conftest import Case


def test_each_column_is_missing_once_for_each_base_row_and_all_are_missing_together(case: Case) -> None:
    kinds = {o.kind: o for o in hostile_rows(case.contract, case.tensors, {}, seed=0)}
    missing = kinds["missing"]
    assert len(missing.base) == 4 * 3
    for i, base in enumerate(missing.base):
        numeric = np.isnan(missing.tensors.numeric[i]) & ~np.isnan(case.tensors.numeric[base])
        texts = (missing.tensors.categorical[i] == "") & (case.tensors.categorical[base] != "")
        assert numeric.sum() + texts.sum() <= 1
    everything = kinds["all_missing"].tensors
    assert np.isnan(everything.numeric).all()
    assert (everything.categorical == "").all()


def test_a_threshold_is_tried_exactly_and_one_float_either_side(case: Case) -> None:
    kinds = {o.kind: o for o in hostile_rows(case.contract, case.tensors, {1: (0.25,)}, seed=0)}
    tried = set(kinds["threshold"].tensors.numeric[:, 1].tolist())
    assert {0.25, np.nextafter(0.25, 1), np.nextafter(0.25, 0)} <= tried


def test_a_column_with_very_many_thresholds_is_sampled(case: Case) -> None:
    many = tuple(np.linspace(0, 1, 5000))
    kinds = {o.kind: o for o in hostile_rows(case.contract, case.tensors, {0: many}, seed=0)}
    assert len(kinds["threshold"].base) <= 5 * THRESHOLDS_PER_COLUMN


def test_unknown_texts_are_no_category_of_the_contract_or_look_like_missing(case: Case) -> None:
    kinds = {o.kind: o for o in hostile_rows(case.contract, case.tensors, {}, seed=0)}
    assert "旅の未知" in kinds["unknown_category"].tensors.categorical


def test_a_table_without_numbers_or_without_texts_has_only_the_kinds_it_can_have() -> None:
    numbers, texts = Case(1, numeric=2, categorical=0), Case(1, numeric=0, categorical=2)
    assert "unknown_category" not in {o.kind for o in hostile_rows(numbers.contract, numbers.tensors, {}, 0)}
    assert "infinite" not in {o.kind for o in hostile_rows(texts.contract, texts.tensors, {}, 0)}


def test_the_test_rows_themselves_are_left_as_they_are(case: Case) -> None:
    numeric, texts = case.tensors.numeric.copy(), case.tensors.categorical.copy()
    list(hostile_rows(case.contract, case.tensors, {0: (1.0,)}, seed=0))
    np.testing.assert_array_equal(case.tensors.numeric, numeric)
    assert (case.tensors.categorical == texts).all()


def test_a_column_of_text_meets_every_odd_text_and_every_change_of_its_own() -> None:
    contract = Contract("t", (TextColumn("note"), CategoricalColumn("c", ("a",))), Target("y", ("no", "yes")))
    given = Tensors(np.empty((2, 0)), np.array([["a", "two words"], ["a", ""]], dtype=object))
    kinds = {o.kind: o.tensors.categorical for o in hostile_rows(contract, given, {}, seed=0)}
    assert set(TEXTS) <= set(kinds["text"][:, 1])
    assert "\0" in "".join(kinds["text"][:, 1])
    assert (kinds["text"][:, 0] == "a").all()
    assert set(kinds["changed_text"][:, 1]) == {change("two words") for change in CHANGES}
    assert all(isinstance(text, str) and text.encode() for text in kinds["changed_text"][:, 1])


def test_where_every_text_is_missing_there_is_none_to_change() -> None:
    contract = Contract("t", (TextColumn("note"),), Target("y", ("no", "yes")))
    empty = Tensors(np.empty((2, 0)), np.array([[""], [""]], dtype=object))
    assert "changed_text" not in {o.kind for o in hostile_rows(contract, empty, {}, seed=0)}
