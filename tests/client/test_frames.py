"""Tables as Arrow."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tabi.client import InputError
from tabi.client.frames import frame_bodies

FRAME = pd.DataFrame(
    {
        "age": [39.0, np.nan, 7.0],
        "sex": pd.array(["male", None, pd.NA], dtype="string"),
        "city": pd.Categorical(["Kyoto", "東京", None]),
    },
    index=[5, 5, 9],
)
COLUMNS = {"age": [39.0, None, 7.0], "sex": ["male", None, None], "city": ["Kyoto", "東京", None]}


def read(body: bytes) -> Any:
    with pa.ipc.open_stream(body) as reader:
        return reader.read_all()


@pytest.mark.parametrize(
    "frame",
    [FRAME, pa.table(COLUMNS), pa.record_batch(COLUMNS), pa.table(COLUMNS).to_reader()],
    ids=lambda f: type(f).__name__,
)
def test_a_table_arrives_whole(frame: Any) -> None:
    (part,) = frame_bodies(frame, 100, 10**6)
    assert read(part.body).to_pydict() == COLUMNS


def test_a_large_table_is_sent_in_parts_in_order() -> None:
    table = pa.table({"age": list(range(1000))})
    for parts in (list(frame_bodies(table, 300, 10**6)), list(frame_bodies(table, 10**6, 8 * 300))):
        assert [part.first_row for part in parts] == [0, 300, 600, 900]
        assert pa.concat_tables(read(part.body) for part in parts) == table
        assert max(len(part.body) for part in parts) < 8 * 300 + 1000


def test_a_table_without_rows_is_one_part() -> None:
    (part,) = frame_bodies(FRAME.iloc[:0], 100, 100)
    assert read(part.body).num_rows == 0


@pytest.mark.parametrize(
    ("frame", "told", "column"),
    [
        (pd.DataFrame({"ok": [1, 2], "bad": ["sec", 2]}), "column 'bad'", "bad"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "twice", "a"),
        (pd.DataFrame([[1]]), "name is a int", ""),
        ([{"age": 1}], "a list is no table", ""),
        (np.zeros((1, 1)), "a ndarray is no table", ""),
    ],
    ids=["mixed", "twice", "number", "list", "array"],
)
def test_what_is_no_table_is_named_by_its_column(frame: Any, told: str, column: str) -> None:
    with pytest.raises(InputError, match=told) as raised:
        list(frame_bodies(frame, 10, 1000))
    assert raised.value.column == column
    assert "sec" not in str(raised.value)
    assert raised.value.__suppress_context__ or raised.value.__context__ is None


def test_without_pyarrow_it_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InputError, match=r"install tabi\[client,arrow\]"):
        list(frame_bodies(FRAME, 10, 1000))
