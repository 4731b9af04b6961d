"""Rows in batches are stored as if they had come at once."""

from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tabi.data import read_snapshot, write_snapshot
from tabi.data.digest import digest_of, digest_of_rows
from tabi.data.rows import StoredRows
from tabi.data.spool import Spool
from tabi.data.stored import stored_frame
from tabi.errors import DataError
from tabi.workspace import Workspace

numbers = st.floats() | st.integers(-9, 9) | st.sampled_from([2**53, 2**53 + 1, -(2**63), 2**64, 10**400, 0.0, -0.0])
anything = numbers | st.none() | st.booleans() | st.sampled_from(["", "a", "1", Decimal("1.5"), date(2020, 1, 1)])
# a column that is one of numbers for long, and something else in the end
columns = st.lists(numbers | st.none(), min_size=1, max_size=8).flatmap(
    lambda head: st.lists(anything, max_size=2).map(lambda tail: [*head, *tail])
)


def cut(frame: pd.DataFrame, places: list[int]) -> list[pd.DataFrame]:
    edges = sorted({0, len(frame), *(place % (len(frame) + 1) for place in places)})
    return [frame.iloc[a:b] for a, b in pairwise(edges)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(columns, columns, st.lists(st.integers(0, 20), max_size=4))
def test_the_digest_does_not_depend_on_the_batches(
    tmp_path: Path, first: list[Any], second: list[Any], places: list[int]
) -> None:
    size = min(len(first), len(second))
    raw = pd.DataFrame({"a": pd.Series(first[:size], dtype=object), "b": pd.Series(second[:size], dtype=object)})
    spool = Spool(tmp_path)
    for batch in cut(raw, places):
        spool.add(batch)
    rows = StoredRows.of_file(spool.finish())
    whole = stored_frame(raw)
    assert digest_of_rows(rows) == digest_of(whole)
    pd.testing.assert_frame_equal(pd.concat(rows.frames(), ignore_index=True), whole)


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_dtypes_may_differ_from_batch_to_batch(size: int, workspace: Workspace) -> None:
    batches = [
        pd.DataFrame({"a": [1, 2**60 + 1], "b": [1.5, np.nan], "c": pd.Categorical(["x", "y"])}),
        pd.DataFrame({"a": pd.array([3, None], "Int64"), "b": [True, False], "c": ["x", None]}),
        pd.DataFrame({"c": [np.nan], "b": ["end"], "a": ["id"]}),
    ]
    cells = [row for b in batches for row in b[["a", "b", "c"]].astype(object).itertuples(index=False)]
    whole = pd.DataFrame(cells, columns=["a", "b", "c"], dtype=object)
    snapshot = write_snapshot(workspace, "p", "csv:a.csv", (part for b in batches for part in cut(b, [size])))
    assert snapshot.digest == digest_of(stored_frame(whole))
    stored = read_snapshot(workspace, "p")[1]
    assert stored["a"].fillna("-").tolist() == ["1", "1152921504606846977", "3", "-", "id"]
    assert stored["b"].fillna("-").tolist() == ["1.5", "-", "true", "false", "end"]


def test_a_snapshot_is_read_in_batches_of_some_columns(workspace: Workspace) -> None:
    raw = pd.DataFrame({"n": np.arange(10.0), "t": [*"abcdefghi", None]})
    snapshot = write_snapshot(workspace, "p", "csv:a.csv", raw)
    rows = StoredRows.of_file(snapshot.path, batch=3)
    assert (rows.count, dict(rows.texts)) == (10, {"n": False, "t": True})
    assert [len(batch) for batch in rows.numbers("n")] == [3, 3, 3, 1]
    assert [text for batch in rows.strings("t") for text in batch] == [*"abcdefghi", ""]
    assert digest_of_rows(rows) == snapshot.digest
    pd.testing.assert_frame_equal(pd.concat(rows.frames(), ignore_index=True), stored_frame(raw))


@pytest.mark.parametrize(
    ("batches", "told"),
    [
        ([], "the table has no rows"),
        ([pd.DataFrame({"a": []})], "the table has no rows"),
        ([pd.DataFrame({"a": [1]}), pd.DataFrame({"b": [1]})], r"different columns \(a\)"),
        ([pd.DataFrame({"a": [1]}), pd.DataFrame([[1, 2]], columns=["a", "a"])], "different columns"),
        ([pd.DataFrame([[1, 2]], columns=["a", "a"])], "more than one column named 'a'"),
        ([pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [b"x"]})], "column 'a' holds values of type bytes"),
    ],
)
def test_batches_of_no_use_are_refused_and_leave_nothing(
    batches: list[pd.DataFrame], told: str, workspace: Workspace
) -> None:
    with pytest.raises(DataError, match=told):
        write_snapshot(workspace, "p", "csv:a.csv", batches)
    folder = workspace.store / "data" / "p"
    assert list(folder.iterdir()) == []


def test_a_source_that_breaks_off_leaves_the_latest_as_it_was(workspace: Workspace, tmp_path: Path) -> None:
    first = write_snapshot(workspace, "p", "csv:a.csv", pd.DataFrame({"a": [1]}))

    def broken() -> Any:
        yield pd.DataFrame({"a": [2]})
        raise DataError("broken")

    with pytest.raises(DataError, match="broken"):
        write_snapshot(workspace, "p", "csv:a.csv", broken())
    assert read_snapshot(workspace, "p")[0] == first
