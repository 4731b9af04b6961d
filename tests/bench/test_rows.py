"""Drawn rows are what the contract says they are."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabi.bench.rows import Row, batch_bodies, draw_rows, predict_bodies, read_rows
from tabi.contract import (
    CategoricalColumn,
    CategoricalReference,
    Column,
    Contract,
    NumericColumn,
    NumericReference,
    RowReader,
    Target,
)
from tabi.errors import NotFoundError, RequestError

TARGET = Target("t", ("no", "yes"))
finite = st.floats(allow_nan=False, allow_infinity=False)
whole = st.integers(-(10**6), 10**6).map(float)


def reference_of(values: list[float], edges: list[float], missing: int) -> NumericReference:
    counts = np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1)
    return NumericReference(tuple(edges), tuple(counts.tolist()), missing)


@st.composite
def numeric_columns(draw: st.DrawFn, name: str) -> NumericColumn:
    """A column as it is inferred from values that keep to its range."""
    values = draw(st.lists(draw(st.sampled_from([finite, whole])), min_size=1, max_size=8))
    edges = sorted(draw(st.sets(st.sampled_from(values))))
    nullable = draw(st.booleans())
    reference = reference_of(values, edges, draw(st.integers(0, 5)))
    minimum = draw(st.sampled_from([None, min(values)]))
    maximum = draw(st.sampled_from([None, max(values)]))
    return NumericColumn(name, nullable, minimum, maximum, draw(st.sampled_from([reference, None])))


@st.composite
def categorical_columns(draw: st.DrawFn, name: str) -> CategoricalColumn:
    categories = draw(st.lists(st.text(min_size=1, max_size=3), min_size=1, max_size=4, unique=True))
    counts = draw(st.lists(st.integers(0, 9), min_size=len(categories), max_size=len(categories)).filter(any))
    reference = CategoricalReference(tuple(counts), draw(st.integers(0, 9)), draw(st.integers(0, 5)))
    return CategoricalColumn(
        name, tuple(categories), draw(st.booleans()), draw(st.booleans()), draw(st.sampled_from([reference, None]))
    )


@st.composite
def contracts(draw: st.DrawFn) -> Contract:
    columns: list[Column] = [
        draw(numeric_columns(f"c{i}")) if draw(st.booleans()) else draw(categorical_columns(f"c{i}"))
        for i in range(draw(st.integers(1, 4)))
    ]
    return Contract("drawn", tuple(columns), TARGET)


@given(contracts(), st.integers(0, 5))
def test_no_drawn_row_breaks_its_contract_even_as_json(contract: Contract, seed: int) -> None:
    rows = draw_rows(contract, 40, seed)
    assert all(list(row) == [column.name for column in contract.columns] for row in rows)
    sent = [json.loads(body)["features"] for body in predict_bodies(rows)]
    assert RowReader(contract).read(sent)[1] == []


@given(contracts())
def test_every_value_lies_where_there_were_values(contract: Contract) -> None:
    for row in draw_rows(contract, 40):
        for column in contract.columns:
            value, reference = row[column.name], column.reference
            if value is None:
                assert reference is not None
                assert reference.missing
            elif isinstance(column, NumericColumn) and isinstance(reference, NumericReference):
                assert isinstance(value, int | float)
                assert reference.counts[int(np.searchsorted(reference.edges, float(value), side="left"))]
            elif isinstance(reference, CategoricalReference):
                assert isinstance(column, CategoricalColumn)
                assert isinstance(value, str)
                assert reference.counts[column.categories.index(value)]


def test_values_come_as_often_as_they_did() -> None:
    contract = Contract(
        "shares",
        (
            NumericColumn("n", reference=NumericReference((10.0, 20.0, 40.0), (0, 300, 500, 100), 100)),
            CategoricalColumn("c", ("a", "b"), reference=CategoricalReference((600, 300), 50, 100)),
        ),
        TARGET,
    )
    rows = draw_rows(contract, 20_000, seed=3)
    numbers = [row["n"] for row in rows]
    present = np.array([n for n in numbers if n is not None], dtype=float)
    assert numbers.count(None) / 20_000 == pytest.approx(0.1, abs=0.01)
    shares = np.bincount(np.searchsorted((10, 20, 40), present, side="left"), minlength=4) / 20_000
    assert shares == pytest.approx([0, 0.3, 0.5, 0.1], abs=0.01)
    # the edges are whole, so the values are; and they spread over their bin
    assert np.unique(present[(present > 10) & (present <= 20)]).tolist() == list(range(11, 21))
    assert all(isinstance(n, int) for n in numbers if n is not None)
    texts = [row["c"] for row in rows]
    assert [texts.count(t) / 20_000 for t in ("a", "b", None)] == pytest.approx([0.6, 0.3, 0.1], abs=0.01)


def test_the_same_seed_draws_the_same_rows() -> None:
    contract = Contract("seeds", (NumericColumn("n"), CategoricalColumn("c", ("a", "b"))), TARGET)
    assert draw_rows(contract, 50, 1) == draw_rows(contract, 50, 1)
    assert draw_rows(contract, 50, 1) != draw_rows(contract, 50, 2)


def test_rows_are_read_from_lines(tmp_path: Path) -> None:
    file = tmp_path / "rows.ndjson"
    file.write_text('{"age": 39, "sex": null}\n\n{"age": "1.5"}\n', encoding="utf-8")
    assert read_rows(file) == [{"age": 39, "sex": None}, {"age": "1.5"}]


@pytest.mark.parametrize("text", [b"", b"\n", b"[1]\n", b'{"a": [1]}\n', b'{"a": 1}\n{"a": SECRET\n', b"\xff\n"])
def test_a_file_that_holds_no_rows_is_refused_without_its_content(tmp_path: Path, text: bytes) -> None:
    file = tmp_path / "rows.ndjson"
    file.write_bytes(text)
    with pytest.raises(RequestError) as refused:
        read_rows(file)
    assert "SECRET" not in str(refused.value)
    with pytest.raises(NotFoundError):
        read_rows(tmp_path / "absent")


def test_batches_hold_their_rows_in_order_and_leave_a_rest_out() -> None:
    rows: list[Row] = [{"n": i} for i in range(7)]
    assert [json.loads(body) for body in batch_bodies(rows, 3)] == [{"rows": rows[:3]}, {"rows": rows[3:6]}]
    assert [json.loads(body) for body in batch_bodies(rows, 9)] == [{"rows": rows}]
