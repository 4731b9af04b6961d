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
from tabi.contract import RowReader
from tabi.tables import TableReader, batches_of_ipc
from tests.serving.conftest import contract

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


def test_the_server_reads_of_a_table_what_it_reads_of_its_rows() -> None:
    values = [(39.0, "male", 1), (np.inf, "", 2), (None, "x", None), (-1.0, None, 3)]
    rows: list[dict[str, Any]] = [{"age": age, "sex": sex, "zone": zone} for age, sex, zone in values]
    (part,) = frame_bodies(pd.DataFrame(rows), 100, 10**6)
    (batch,) = batches_of_ipc(part.body)
    found, found_faults = TableReader(contract()).read(batch)
    tensors, faults = RowReader(contract()).read(rows)
    assert found.numeric.tobytes() == tensors.numeric.tobytes()
    assert found.categorical.tolist() == tensors.categorical.tolist()
    assert list(found_faults) == faults


def test_a_table_of_many_chunks_is_one_batch() -> None:
    table = pa.concat_tables([pa.table({"age": [number], "sex": ["male"]}) for number in range(300)])
    parts = list(frame_bodies(table, 200, 10**6))
    assert [len(list(batches_of_ipc(part.body))) for part in parts] == [1, 1]
    assert pa.concat_tables(read(part.body) for part in parts).to_pydict() == table.to_pydict()


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
