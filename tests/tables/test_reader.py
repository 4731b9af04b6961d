"""Arrow rows are read as the same rows in JSON would be."""

from __future__ import annotations

import datetime
import math
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabi.contract import CategoricalColumn, Contract, Fault, NumericColumn, RowReader, Target, Tensors
from tabi.errors import RequestError
from tabi.tables import Faults, TableReader, read_batch
from tabi.tables import columns as module

CONTRACT = Contract(
    name="people",
    columns=(
        CategoricalColumn("job", ("clerk", "cook", "1", "1.5", "true"), closed=True),
        NumericColumn("age", minimum=0, maximum=150),
        NumericColumn("income", nullable=False),
        CategoricalColumn("town", ("Nara", "2"), nullable=False),
    ),
    target=Target("left", ("no", "yes")),
)
NAMES = ["job", "age", "income", "town", "other", "more"]

WORDS = [
    "",
    "1",
    "1.0",
    "2.5",
    " 7 ",
    "1e3",
    "+4",
    "-0",
    "1_000",
    "nan",
    "inf",
    "-Infinity",
    "1e999",
    "9" * 400,
    "0x10",
]
words = st.one_of(st.sampled_from([*WORDS, "cook", "Nara", "true", "１２", ".5", "5."]), st.text(max_size=4))


def integers(bits: int, *, signed: bool) -> st.SearchStrategy[int]:
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return st.one_of(st.integers(low, high), st.sampled_from([0, 1, 2, high, low]))


def floats(width: int) -> st.SearchStrategy[float]:
    return st.one_of(st.floats(width=width), st.sampled_from([0.0, -0.0, 1.0, 1.5, math.nan, math.inf]))  # type: ignore[arg-type]


decimals = st.decimals(min_value=-9999, max_value=9999, places=2, allow_nan=False, allow_infinity=False)
SIMPLE: list[tuple[pa.DataType, st.SearchStrategy[Any]]] = [
    *((getattr(pa, f"int{bits}")(), integers(bits, signed=True)) for bits in (8, 16, 32, 64)),
    *((getattr(pa, f"uint{bits}")(), integers(bits, signed=False)) for bits in (8, 16, 32, 64)),
    *((getattr(pa, f"float{bits}")(), floats(bits)) for bits in (16, 32, 64)),
    (pa.bool_(), st.booleans()),
    (pa.string(), words),
    (pa.large_string(), words),
    (pa.string_view(), words),
    (pa.null(), st.none()),
    (pa.decimal128(12, 2), decimals),
    (pa.decimal256(60, 2), decimals),
]


@st.composite
def arrays(draw: st.DrawFn, size: int) -> pa.Array:
    kind, values = draw(st.sampled_from(SIMPLE))
    cells = draw(st.lists(st.none() | values, min_size=size, max_size=size))
    if draw(st.booleans()):
        return pa.array(cells, kind)
    index = draw(st.sampled_from([pa.int8(), pa.uint16(), pa.int64()]))
    dictionary = pa.array(draw(st.lists(st.none() | values, min_size=1, max_size=8)), kind)
    places = draw(st.lists(st.none() | st.integers(0, len(dictionary) - 1), min_size=size, max_size=size))
    return pa.DictionaryArray.from_arrays(pa.array(places, index), dictionary)


@st.composite
def batches(draw: st.DrawFn) -> pa.RecordBatch:
    size = draw(st.integers(0, 6))
    names = draw(st.lists(st.sampled_from(NAMES), unique=True))
    if not names:
        return pa.RecordBatch.from_pylist([{}] * size)
    batch = pa.RecordBatch.from_arrays([draw(arrays(size)) for _ in names], names)
    return batch.slice(draw(st.integers(0, size)))


def as_rows(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    rows = batch.to_pylist()
    return [{n: float(v) if isinstance(v, Decimal) else v for n, v in row.items()} for row in rows]


def assert_same(found: Tensors, expected: Tensors) -> None:
    np.testing.assert_array_equal(found.numeric, expected.numeric, strict=True)
    np.testing.assert_array_equal(
        np.signbit(found.numeric) & ~np.isnan(found.numeric), np.signbit(expected.numeric) & ~np.isnan(expected.numeric)
    )
    assert found.categorical.shape == expected.categorical.shape
    assert found.categorical.tolist() == expected.categorical.tolist()


@given(batches())
def test_the_same_law_as_for_rows_of_json(batch: pa.RecordBatch) -> None:
    expected, faults = RowReader(CONTRACT).read(as_rows(batch))
    tensors, found = read_batch(batch, CONTRACT)
    assert_same(tensors, expected)
    assert list(found) == faults
    assert len(found) == len(faults)
    assert set(map(type, tensors.categorical.ravel().tolist())) <= {str}
    assert tensors.categorical.flags.c_contiguous
    assert tensors.numeric.flags.c_contiguous


@given(batches(), st.slices(12))
def test_faults_can_be_taken_by_place_and_by_slice(batch: pa.RecordBatch, part: slice) -> None:
    _, found = read_batch(batch, CONTRACT)
    every = list(found)
    assert found[part] == every[part]
    assert [found[place] for place in range(-len(every), len(every))] == every + every
    with pytest.raises(IndexError):
        found[len(every)]


@given(batches())
def test_faults_one_by_one_make_the_same_faults(batch: pa.RecordBatch) -> None:
    _, found = read_batch(batch, CONTRACT)
    again = Faults.of_list(batch.num_rows, list(found))
    assert list(again) == list(found)
    assert len(again) == len(found)


def test_one_category_however_it_is_typed() -> None:
    for column in (
        pa.array(["1"]),
        pa.array([1], pa.int8()),
        pa.array([1.0]),
        pa.array([1.0], pa.float16()),
        pa.array([Decimal("1.00")]),
        pa.array(["1"]).dictionary_encode(),
        pa.array([1]).dictionary_encode(),
    ):
        tensors, faults = read_batch(pa.RecordBatch.from_arrays([column], ["job"]), CONTRACT)
        assert tensors.categorical[0, 0] == "1"
        assert [f.column for f in faults] == ["income", "town"]


def test_text_that_mixes_plain_numbers_with_the_rest_keeps_each_in_its_row() -> None:
    column = pa.array(["1", "", "old", None, "-2.5e1", "1e999", "inf", " 7 ", "1_0"])
    tensors, faults = read_batch(pa.RecordBatch.from_arrays([column], ["income"]), CONTRACT)
    income = tensors.numeric[:, 1]
    np.testing.assert_array_equal(income, [1, np.nan, np.nan, np.nan, -25, np.nan, np.nan, 7, np.nan])
    rules = [(f.row, f.rule) for f in faults if f.column == "income"]
    assert rules == [
        (1, "missing"),
        (2, "not_a_number"),
        (3, "missing"),
        (5, "not_finite"),
        (6, "not_finite"),
        (8, "not_a_number"),
    ]


def test_a_dictionary_that_is_longer_than_the_rows_is_read_by_the_values_in_use() -> None:
    dictionary = pa.array([f"town {n}" for n in range(1000)] + ["Nara", None])
    column = pa.DictionaryArray.from_arrays(pa.array([1000, None, 1001, 7]), dictionary)
    tensors, faults = read_batch(pa.RecordBatch.from_arrays([column], ["town"]), CONTRACT)
    assert tensors.categorical[:, 1].tolist() == ["Nara", "", "", "town 7"]
    assert [f.rule for f in faults if f.column == "town"] == ["missing", "missing", "unknown_category"]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([datetime.date(2026, 1, 2)]),
        pa.array([datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)]),
        pa.array([datetime.time(1)]),
        pa.array([datetime.timedelta(1)]),
        pa.array([b"39"]),
        pa.array([[39]]),
        pa.array([{"a": 39}]),
        pa.array([datetime.date(2026, 1, 2)]).dictionary_encode(),
    ],
    ids=lambda column: str(column.type),
)
@pytest.mark.parametrize("name", ["age", "job"])
def test_what_json_cannot_say_is_refused_in_a_column_of_the_contract_and_ignored_elsewhere(
    column: pa.Array, name: str
) -> None:
    with pytest.raises(RequestError, match=f"'{name}' holds neither") as caught:
        read_batch(pa.RecordBatch.from_arrays([column], [name]), CONTRACT)
    assert caught.value.problems == ((name, "not_a_scalar"),)
    _, faults = read_batch(pa.RecordBatch.from_arrays([column], ["other"]), CONTRACT)
    assert Fault(0, "other", "unknown_column") in faults


def test_two_columns_of_one_name_are_refused_by_name() -> None:
    batch = pa.RecordBatch.from_arrays([pa.array([1]), pa.array([2])], ["other", "other"])
    with pytest.raises(RequestError, match="'other' stands twice") as caught:
        TableReader(CONTRACT).read(batch)
    assert caught.value.problems == (("other", "repeated_name"),)


def test_a_long_category_that_is_repeated_beyond_bounds_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_TEXT", 1000)
    column = pa.DictionaryArray.from_arrays(pa.array([0] * 11, pa.int8()), pa.array(["x" * 100]))
    batch = pa.RecordBatch.from_arrays([column], ["town"])
    read_batch(batch.slice(0, 10), CONTRACT)
    with pytest.raises(RequestError, match="more text") as caught:
        read_batch(batch, CONTRACT)
    assert caught.value.problems == (("town", "wrong_shape"),)


def test_views_that_show_one_long_text_again_and_again_are_refused_before_they_are_spelled_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = b"x" * 100
    views = b"".join(np.array([100, 0x78787878, 0, 0], np.int32).tobytes() for _ in range(11))
    column = pa.Array.from_buffers(pa.string_view(), 11, [None, pa.py_buffer(views), pa.py_buffer(text)])
    column.validate(full=True)
    for name in ("town", "age"):
        for shown in (column, pa.DictionaryArray.from_arrays(pa.array([0], pa.int8()), column)):
            batch = pa.RecordBatch.from_arrays([shown], [name])
            read_batch(batch, CONTRACT)
            with monkeypatch.context() as patched:
                patched.setattr(module, "MAX_TEXT", 1000)
                with pytest.raises(RequestError, match="more text"):
                    read_batch(batch, CONTRACT)


def test_unknown_columns_of_many_rows_cost_no_memory_until_they_are_asked_for() -> None:
    names = [f"c{n}" for n in range(2000)]
    batch = pa.RecordBatch.from_arrays([pa.nulls(100_000)] * len(names), names)
    _, faults = read_batch(batch, CONTRACT)
    assert len(faults) == 100_000 * 2002
    assert faults[:3] == [Fault(0, "income", "missing"), Fault(0, "town", "missing"), Fault(0, "c0", "unknown_column")]
