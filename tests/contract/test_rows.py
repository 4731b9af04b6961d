"""A request's rows -> tensors and faults."""

import math
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabi.contract import CategoricalColumn, Contract, Fault, NumericColumn, RowReader, Scalar, Target, TextColumn
from tabi.contract.values import Rule

CONTRACT = Contract(
    name="people",
    columns=(
        CategoricalColumn("job", ("clerk", "cook"), closed=True),
        NumericColumn("age", minimum=0, maximum=150),
        NumericColumn("income", nullable=False),
        CategoricalColumn("town", ("Nara",), nullable=False),
    ),
    target=Target("left", ("no", "yes")),
)
GOOD: dict[str, Scalar] = {"job": "cook", "age": 33, "income": 1.5, "town": "Nara"}

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["", "1", "2.5", "inf", "cook", "Nara"]),
)
rows = st.dictionaries(st.sampled_from(["job", "age", "income", "town", "other"]), scalars)


def rules_of(row: dict[str, Scalar]) -> list[tuple[str, str]]:
    return [(fault.column, fault.rule) for fault in RowReader(CONTRACT).read([row])[1]]


def test_a_row_that_keeps_the_contract_has_no_fault_and_the_contracts_order() -> None:
    tensors, faults = RowReader(CONTRACT).read([dict(reversed(GOOD.items()))])
    assert faults == []
    assert tensors.numeric.tolist() == [[33.0, 1.5]]
    assert tensors.categorical.tolist() == [["cook", "Nara"]]


FAULTY: list[tuple[dict[str, Scalar], str, Rule]] = [
    ({"age": "old"}, "age", "not_a_number"),
    ({"age": math.inf}, "age", "not_finite"),
    ({"age": -1}, "age", "below_minimum"),
    ({"age": 151}, "age", "above_maximum"),
    ({"income": None}, "income", "missing"),
    ({"town": ""}, "town", "missing"),
    ({"job": "king"}, "job", "unknown_category"),
    ({"agee": 3}, "agee", "unknown_column"),
]


@pytest.mark.parametrize(("change", "column", "rule"), FAULTY)
def test_each_rule_is_told_by_row_column_and_rule(change: dict[str, Scalar], column: str, rule: Rule) -> None:
    assert RowReader(CONTRACT).read([GOOD, {**GOOD, **change}])[1] == [Fault(1, column, rule)]


def test_every_rule_is_tried_above() -> None:
    # of the model's answer, which no row can show, and of the row as a whole, which another looks at
    assert {rule for _, _, rule in FAULTY} == set(get_args(Rule)) - {"no_probability", "no_value", "rare"}


@pytest.mark.parametrize("age", [0, 150, None, "", "0"])
def test_bounds_are_allowed_values_and_missing_breaks_no_bound(age: Scalar) -> None:
    assert rules_of({**GOOD, "age": age}) == []


def test_an_absent_column_is_a_missing_value() -> None:
    absent, _ = RowReader(CONTRACT).read([{}])
    present, _ = RowReader(CONTRACT).read([dict.fromkeys(GOOD)])
    np.testing.assert_array_equal(absent.numeric, present.numeric)
    assert absent.categorical.tolist() == present.categorical.tolist() == [["", ""]]
    assert rules_of({}) == [("income", "missing"), ("town", "missing")]


def test_an_unknown_category_is_passed_on_and_what_is_no_number_becomes_missing() -> None:
    tensors, _ = RowReader(CONTRACT).read([{**GOOD, "job": "king", "age": "old"}])
    assert tensors.categorical[0, 0] == "king"
    assert math.isnan(tensors.numeric[0, 0])


@given(st.lists(rows, max_size=6))
def test_one_row_alone_equals_the_same_row_in_a_batch(batch: list[dict[str, Scalar]]) -> None:
    reader = RowReader(CONTRACT)
    together, faults = reader.read(batch)
    assert together.numeric.shape == (len(batch), 2)
    assert together.categorical.shape == (len(batch), 2)
    for index, row in enumerate(batch):
        alone, own = reader.read([row])
        np.testing.assert_array_equal(alone.numeric[0], together.numeric[index])
        assert alone.categorical[0].tolist() == together.categorical[index].tolist()
        assert [(f.column, f.rule) for f in own] == [(f.column, f.rule) for f in faults if f.row == index]


@given(rows)
def test_the_tensors_hold_only_finite_numbers_nan_and_text(row: dict[str, Scalar]) -> None:
    tensors, _ = RowReader(CONTRACT).read([row])
    assert tensors.numeric.dtype == np.float64
    assert not np.isinf(tensors.numeric).any()
    assert {type(text) for text in tensors.categorical.ravel().tolist()} == {str}


@given(rows)
def test_reading_again_what_was_read_changes_nothing(row: dict[str, Scalar]) -> None:
    first, _ = RowReader(CONTRACT).read([row])
    names = [c.name for c in CONTRACT.numeric], [c.name for c in CONTRACT.categorical]
    again = dict(zip(names[0], first.numeric[0].tolist(), strict=True))
    texts = dict(zip(names[1], first.categorical[0].tolist(), strict=True))
    second, _ = RowReader(CONTRACT).read([{**again, **texts}])
    np.testing.assert_array_equal(first.numeric, second.numeric)
    assert first.categorical.tolist() == second.categorical.tolist()


def test_no_fault_holds_a_value() -> None:
    _, faults = RowReader(CONTRACT).read([dict.fromkeys(GOOD, "a private word")])
    assert len(faults) == 4
    assert "private" not in repr(faults)


def test_a_contract_of_one_kind_gives_an_empty_tensor_for_the_other() -> None:
    only = Contract("n", (NumericColumn("a"),), Target("y", ("0", "1")))
    tensors, _ = RowReader(only).read([{"a": 1}, {"a": 2}])
    assert tensors.numeric.shape == (2, 1)
    assert tensors.categorical.shape == (2, 0)


def test_a_known_category_is_the_contracts_own_text_and_keeps_nothing_of_the_body() -> None:
    column = CategoricalColumn("city", ("Kyoto", "東京"))
    reader = RowReader(Contract("m", (column,), Target("y", ("no", "yes"))))
    # decoded anew, as a body is
    given = [category.encode().decode() for category in column.categories]
    tensors, _ = reader.read([{"city": text} for text in given])
    for text, own, other in zip(tensors.categorical[:, 0], column.categories, given, strict=True):
        assert text is own
        assert text is not other


def test_texts_stand_behind_the_categories_and_any_text_is_one() -> None:
    columns = (TextColumn("said", nullable=False), NumericColumn("age"), CategoricalColumn("job", ("cook",)))
    reader = RowReader(Contract("n", columns, Target("y", ("0", "1"))))
    tensors, faults = reader.read([{"said": "it broke", "job": "cook"}, {"said": 7, "job": "king"}, {"said": ""}])
    assert tensors.categorical.tolist() == [["cook", "it broke"], ["king", "7"], ["", ""]]
    assert faults == [Fault(1, "job", "unknown_category"), Fault(2, "said", "missing")]
