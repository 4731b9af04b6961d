"""What is sent of a row is what the server would have made of the row itself."""

from __future__ import annotations

import enum
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabi.client import InputError
from tabi.client.rows import batch_bodies, predict_body
from tabi.contract import RowReader
from tabi.serving.messages import PredictBody
from tests.serving.conftest import contract

READER = RowReader(contract())
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.none() | st.booleans() | st.integers() | st.floats() | TEXT
ROWS = st.dictionaries(st.sampled_from(["age", "sex", "fare", "city"]) | TEXT, VALUES)


def sent(row: Any) -> dict[str, Any]:
    return msgspec.json.decode(predict_body(row), type=PredictBody).features


def read(row: Any) -> tuple[Any, ...]:
    tensors, faults = READER.read([row])
    # a NaN has many bit patterns, and they all mean missing
    numeric = np.where(np.isnan(tensors.numeric), np.nan, tensors.numeric)
    return numeric.tobytes(), tensors.categorical.tolist(), faults


@given(ROWS)
def test_the_server_reads_what_the_caller_wrote(row: dict[str, Any]) -> None:
    assert read(sent(row)) == read(row)


class Sex(enum.StrEnum):
    MALE = "male"


class Count(enum.IntEnum):
    THREE = 3


@pytest.mark.parametrize(
    ("value", "as_sent"),
    [
        (np.float64(1.5), 1.5),
        (np.float32(0.1), float(np.float32(0.1))),
        (np.float64("nan"), None),
        (np.float16("inf"), "inf"),
        (float("-inf"), "-inf"),
        (np.int8(-3), -3),
        (np.uint64(2**64 - 1), 2**64 - 1),
        (np.bool_(True), True),
        (np.str_("x"), "x"),
        (np.array(2.5), 2.5),
        (np.array("x", dtype=object), "x"),
        (pd.NA, None),
        (pd.NaT, None),
        (Sex.MALE, "male"),
        (Count.THREE, 3),
        (True, True),
        (2**70, 2**70),
    ],
    ids=repr,
)
def test_scalars_are_sent_as_the_values_that_they_hold(value: Any, as_sent: Any) -> None:
    found = json.loads(predict_body({"a": value}))["features"]["a"]
    assert (found, type(found)) == (as_sent, type(as_sent))


@pytest.mark.parametrize(
    "value",
    [
        [1],
        {"x": 1},
        b"bytes",
        Decimal("1.5"),
        datetime(2026, 1, 1, tzinfo=UTC),
        np.datetime64("2026-01-01"),
        np.array([1.0]),
        np.longdouble(1),
        np.complex128(1),
        object(),
        "sec\ud800ret",
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_cannot_be_sent_is_named_by_its_column_and_never_shown(value: Any) -> None:
    with pytest.raises(InputError, match="row 1, column 'the age'") as raised:
        list(batch_bodies([{"ok": 1}, {"ok": 1, "the age": value}], 10, 1000))
    assert raised.value.column == "the age"
    assert "ret" not in str(raised.value)
    assert raised.value.__cause__ is None


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([["age"]], "row 0 is a list"),
        ([{1: 2}], "name is a int"),
        ({"age": 1}, "use predict"),
        (pd.DataFrame({"age": [1]}), "use predict_frame"),
        ([{"\ud800": 1}], "no JSON can hold"),
    ],
)
def test_what_is_no_row_is_told(rows: Any, told: str) -> None:
    with pytest.raises(InputError, match=told):
        list(batch_bodies(rows, 10, 1000))


@given(st.lists(st.dictionaries(st.text("ab"), st.integers(0, 99), max_size=3)), st.integers(1, 5), st.integers(1, 60))
def test_parts_hold_all_rows_in_order_within_their_bounds(rows: list[Any], most_rows: int, most_bytes: int) -> None:
    parts = list(batch_bodies(rows, most_rows, most_bytes))
    held = [json.loads(part.body)["rows"] for part in parts]
    assert [row for part in held for row in part] == rows
    assert [part.first_row for part in parts] == [sum(map(len, held[:n])) for n in range(len(held))]
    for part, rows_of_part in zip(parts, held, strict=True):
        assert len(rows_of_part) <= most_rows
        assert len(rows_of_part) <= 1 or len(part.body) - len('{"rows":[]}') - (len(rows_of_part) - 1) <= most_bytes
    assert len(parts) == 1 or all(held)


def test_rows_are_read_no_further_than_the_part_needs() -> None:
    read_rows = []

    def rows() -> Any:
        for number in range(100):
            read_rows.append(number)
            yield {"a": number}

    next(batch_bodies(rows(), 10, 10_000))
    assert len(read_rows) == 11
