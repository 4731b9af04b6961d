"""A typical row is made of the contract's figures, column by column."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tabi.contract import (
    CategoricalColumn,
    CategoricalReference,
    Contract,
    NumericColumn,
    NumericReference,
    RowReader,
    Target,
    TextColumn,
)
from tabi.export.typical import typical_row


def row_of(*columns: NumericColumn | CategoricalColumn | TextColumn) -> dict[str, float | str | None]:
    return typical_row(Contract("a", columns, Target("y", ("no", "yes"))))


def test_a_number_is_the_middle_of_the_middle_bin() -> None:
    reference = NumericReference((0.5, 2.0, 4.0), (1, 2, 9, 1), 50)
    assert row_of(NumericColumn("x", reference=reference)) == {"x": 3.0}


def test_a_column_that_counts_has_a_whole_number() -> None:
    reference = NumericReference((20.0, 25.0, 30.0), (1, 8, 2, 1), 0)
    assert row_of(NumericColumn("x", reference=reference)) == {"x": 22.0}


def test_an_outer_bin_gives_its_edge() -> None:
    assert row_of(NumericColumn("x", reference=NumericReference((1.5, 2.5), (9, 1, 1), 0))) == {"x": 1.5}
    assert row_of(NumericColumn("x", reference=NumericReference((1.5, 2.5), (1, 1, 9), 0))) == {"x": 2.5}


def test_without_a_reference_the_range_decides() -> None:
    found = row_of(NumericColumn("a", minimum=2, maximum=6), NumericColumn("b", minimum=3), NumericColumn("c"))
    assert found == {"a": 4.0, "b": 3.0, "c": 0.0}


def test_a_category_is_the_most_frequent_one() -> None:
    column = CategoricalColumn("x", ("a", "b", "c"), reference=CategoricalReference((3, 9, 4), 20, 20))
    assert row_of(column, CategoricalColumn("y", ("first", "second")), CategoricalColumn("z", ())) == {
        "x": "b",
        "y": "first",
        "z": None,
    }


def test_a_text_is_the_columns_name() -> None:
    assert row_of(TextColumn("complaint")) == {"complaint": "complaint"}


@given(
    edges=st.lists(st.floats(-1e308, 1e308), min_size=1, max_size=5, unique=True).map(sorted),
    counts=st.lists(st.integers(0, 9), min_size=6, max_size=6),
    bounds=st.lists(st.floats(-1e308, 1e308), min_size=2, max_size=2).map(sorted),
)
def test_it_keeps_the_contract(edges: list[float], counts: list[int], bounds: list[float]) -> None:
    reference = NumericReference(tuple(edges), tuple(counts[: len(edges) + 1]), 0)
    column = NumericColumn("x", nullable=False, minimum=bounds[0], maximum=bounds[1], reference=reference)
    contract = Contract("a", (column,), Target("y", ("no", "yes")))
    _, faults = RowReader(contract).read([typical_row(contract)])
    assert faults == []
