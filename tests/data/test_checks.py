"""Rows against the contract: what is found is told by column, rule and row numbers."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tabi.contract import CategoricalColumn, Contract, NumericColumn, RowReader, Target
from tabi.data import Violation, check_rows, infer_contract
from tabi.project import ColumnConfig, ProjectConfig
from tabi.project.config import Kind

ROWS = pd.DataFrame(
    {
        "age": [33.0, -1.0, 200.0, np.inf, np.nan],
        "size": ["1", "2.5", "big", "inf", None],
        "job": ["cook", "king", "clerk", None, "cook"],
        "id": ["a", "b", "a", "c", "a"],
        "left": ["no", "yes", "no", None, "no"],
    },
    index=[9, 9, 9, 9, 9],
)
CONFIG = ProjectConfig(
    name="p",
    source="csv:a.csv",
    target="left",
    columns={
        "age": ColumnConfig(minimum=0, maximum=150, nullable=False),
        "size": ColumnConfig(kind=Kind.numeric, minimum=2),
        "job": ColumnConfig(categories=["cook", "clerk"], closed=True, nullable=False),
        "id": ColumnConfig(unique=True),
    },
)


def test_every_rule_is_told_by_column_count_and_row_numbers() -> None:
    found = check_rows(ROWS, infer_contract(ROWS, CONFIG), CONFIG)
    assert sorted(found, key=lambda v: (v.column, v.rule)) == [
        Violation("age", "above_maximum", 1, (2,)),
        Violation("age", "below_minimum", 1, (1,)),
        Violation("age", "missing", 1, (4,)),
        Violation("age", "not_finite", 1, (3,)),
        Violation("id", "not_unique", 3, (0, 2, 4)),
        Violation("job", "missing", 1, (3,)),
        Violation("job", "unknown_category", 1, (1,)),
        Violation("left", "missing", 1, (3,)),
        Violation("size", "below_minimum", 1, (0,)),
        Violation("size", "not_a_number", 1, (2,)),
        Violation("size", "not_finite", 1, (3,)),
    ]
    assert list(dict.fromkeys(v.column for v in found)) == ["age", "size", "job", "id", "left"]


def test_no_value_is_told() -> None:
    rows = ROWS.assign(job="a private word", size="a private word")
    found = check_rows(rows, infer_contract(rows, CONFIG), CONFIG)
    assert {("job", "unknown_category"), ("size", "not_a_number")} <= {(v.column, v.rule) for v in found}
    assert "private" not in repr(found)


def test_five_examples_are_enough_and_the_count_is_of_all() -> None:
    rows = pd.DataFrame({"age": [1.0, -1.0] * 10, "left": ["no", "yes"] * 10})
    config = ProjectConfig(name="p", source="", target="left", columns={"age": ColumnConfig(minimum=0)})
    found = check_rows(rows, infer_contract(rows, config), config)
    assert found == [Violation("age", "below_minimum", 10, (1, 3, 5, 7, 9))]


def test_rows_that_keep_the_contract_have_no_violation() -> None:
    rows = ROWS.iloc[[0]]
    contract = infer_contract(ROWS, CONFIG)
    assert check_rows(rows.assign(size="2"), contract, CONFIG) == []


def test_what_nobody_forbade_is_allowed() -> None:
    config = ProjectConfig(name="p", source="", target="left")
    rows = ROWS.replace(np.inf, 1.0).assign(left="no", age=np.nan)
    rows.iloc[0, 4] = "yes"
    assert check_rows(rows, infer_contract(rows, config), config) == []


CONTRACT = Contract(
    "p",
    (NumericColumn("age", nullable=False, minimum=-1, maximum=1), CategoricalColumn("job", ("a",), False, True)),
    Target("left", ("no", "yes")),
)
scalars = st.none() | st.floats() | st.sampled_from(["a", "b", "", "0", "5", "inf", "-3"])


@settings(max_examples=40)
@given(st.lists(st.tuples(scalars, st.none() | st.sampled_from(["a", "b", ""])), min_size=1, max_size=8))
def test_training_finds_the_faults_that_serving_finds(table: list[tuple[Any, Any]]) -> None:
    rows = [{"age": age, "job": job} for age, job in table]
    _, faults = RowReader(CONTRACT).read(rows)
    raw = pd.DataFrame(rows, dtype=object).assign(left="no")
    found = check_rows(raw, CONTRACT, ProjectConfig(name="p", source="", target="left"))
    told = {(v.column, v.rule, row) for v in found for row in v.examples}
    expected: dict[tuple[str, str], list[int]] = {}
    for fault in faults:
        expected.setdefault((fault.column, fault.rule), []).append(fault.row)
    assert told == {(*key, row) for key, numbers in expected.items() for row in numbers[:5]}
    assert {(v.column, v.rule): v.count for v in found} == {key: len(numbers) for key, numbers in expected.items()}


def test_a_column_that_the_rows_lack_is_missing_in_every_row() -> None:
    raw = pd.DataFrame({"job": ["a", "a"], "left": ["no", "yes"]})
    found = check_rows(raw, CONTRACT, ProjectConfig(name="p", source="", target="left"))
    assert found == [Violation("age", "missing", 2, (0, 1))]


@pytest.mark.parametrize("column", ["extra"])
def test_a_column_that_the_contract_lacks_is_no_violation(column: str) -> None:
    raw = pd.DataFrame({"age": [0.0], "job": ["a"], "left": ["no"], column: [1.0]})
    assert check_rows(raw, CONTRACT, ProjectConfig(name="p", source="", target="left")) == []
