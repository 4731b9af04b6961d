"""Snapshots are named by their content, written whole and verified when read."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tabi.data import latest_snapshot, read_snapshot, write_snapshot
from tabi.data.stored import stored_frame
from tabi.errors import DataError, NotFoundError, StoreError
from tabi.workspace import Workspace

ROWS = pd.DataFrame({"age": [33, 41], "job": ["cook", None], "left": [True, False]})
OTHER = pd.DataFrame({"age": [1.0], "job": ["clerk"]})

texts = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
tables = st.lists(st.tuples(st.floats(), texts, st.none() | st.booleans()), min_size=1, max_size=5)


def test_what_is_read_is_what_was_stored(workspace: Workspace) -> None:
    written = write_snapshot(workspace, "p", "csv:a.csv", ROWS)
    snapshot, frame = read_snapshot(workspace, "p")
    assert snapshot == written
    assert (snapshot.rows, snapshot.columns, snapshot.source) == (2, 3, "csv:a.csv")
    assert snapshot.path == workspace.store / "data" / "p" / f"{snapshot.digest}.parquet"
    pd.testing.assert_frame_equal(frame, stored_frame(ROWS))
    assert frame.dtypes.astype(str).tolist() == ["float64", "object", "object"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(tables)
def test_any_rows_come_back_equal(workspace: Workspace, table: list[tuple[float, str | None, bool | None]]) -> None:
    raw = pd.DataFrame(table, columns=["n", "t", "b"])
    write_snapshot(workspace, "p", "csv:a.csv", raw)
    pd.testing.assert_frame_equal(read_snapshot(workspace, "p")[1], stored_frame(raw))


def test_equal_rows_are_one_file_and_the_last_source_is_told(workspace: Workspace) -> None:
    first = write_snapshot(workspace, "p", "csv:a.csv", ROWS)
    second = write_snapshot(workspace, "p", "parquet:a.parquet", ROWS.astype({"age": "float64", "job": "category"}))
    assert second.digest == first.digest
    assert len(list(first.path.parent.glob("*.parquet"))) == 1
    assert read_snapshot(workspace, "p")[0].source == "parquet:a.parquet"


def test_an_older_snapshot_is_read_by_its_digest(workspace: Workspace) -> None:
    first = write_snapshot(workspace, "p", "csv:a.csv", ROWS)
    second = write_snapshot(workspace, "p", "csv:a.csv", OTHER)
    assert latest_snapshot(workspace, "p") == second
    snapshot, frame = read_snapshot(workspace, "p", first.digest)
    assert snapshot == first
    assert len(frame) == 2


def test_projects_do_not_share_a_pointer(workspace: Workspace) -> None:
    write_snapshot(workspace, "p", "csv:a.csv", ROWS)
    assert latest_snapshot(workspace, "q") is None


def test_without_a_snapshot_the_error_says_what_to_do(workspace: Workspace) -> None:
    with pytest.raises(NotFoundError, match="run `tabi data fetch p`"):
        read_snapshot(workspace, "p")
    with pytest.raises(NotFoundError, match="project 'p' has no snapshot 'abc'"):
        read_snapshot(workspace, "p", "abc")


def change_a_value(path: Path) -> None:
    pd.read_parquet(path).assign(age=[33.0, 42.0]).to_parquet(path)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def exchange(path: Path) -> None:
    OTHER.to_parquet(path)


def moments(path: Path) -> None:
    pd.DataFrame({"when": pd.to_datetime(["2020-01-01"])}).to_parquet(path)


@pytest.mark.parametrize("harm", [change_a_value, cut, exchange, moments, Path.unlink])
def test_a_file_that_was_changed_is_refused(harm: object, workspace: Workspace) -> None:
    snapshot = write_snapshot(workspace, "p", "csv:a.csv", ROWS)
    harm(snapshot.path)  # type: ignore[operator]
    with pytest.raises(StoreError, match="run `tabi data fetch p`"):
        read_snapshot(workspace, "p")
    write_snapshot(workspace, "p", "csv:a.csv", ROWS)
    read_snapshot(workspace, "p")


@pytest.mark.parametrize("name", ["latest.json", "{digest}.json"])
def test_a_garbled_document_is_refused(name: str, workspace: Workspace) -> None:
    snapshot = write_snapshot(workspace, "p", "csv:a.csv", ROWS)
    (snapshot.path.parent / name.format(digest=snapshot.digest)).write_bytes(b"{")
    with pytest.raises(StoreError, match="is not what Tabi wrote"):
        read_snapshot(workspace, "p")


def test_a_pointer_to_nothing_is_told(workspace: Workspace) -> None:
    snapshot = write_snapshot(workspace, "p", "csv:a.csv", ROWS)
    snapshot.path.with_suffix(".json").unlink()
    with pytest.raises(NotFoundError, match="points to a snapshot that is not there"):
        latest_snapshot(workspace, "p")


def test_rows_that_cannot_be_stored_leave_the_latest_as_it_was(workspace: Workspace) -> None:
    first = write_snapshot(workspace, "p", "csv:a.csv", ROWS)
    with pytest.raises(DataError):
        write_snapshot(workspace, "p", "csv:a.csv", ROWS.assign(when=pd.Timedelta(0)))
    assert latest_snapshot(workspace, "p") == first


def test_a_store_that_cannot_be_written_is_told(workspace: Workspace) -> None:
    workspace.store.write_text("a file where a folder should be")
    with pytest.raises(StoreError, match="the snapshot cannot be written"):
        write_snapshot(workspace, "p", "csv:a.csv", ROWS)


KILLED = """
import os, sys
from pathlib import Path
import pandas as pd
from tabi.data import write_snapshot
from tabi.workspace import Workspace
moves, last = 0, int(sys.argv[1])
def replace(self, target, real=Path.replace):
    global moves
    moves += 1
    if moves > last:
        os._exit(9)
    return real(self, target)
Path.replace = replace
write_snapshot(Workspace.find(Path.cwd(), {}), "p", "csv:a.csv", pd.DataFrame({"age": [1.0], "job": ["clerk"]}))
"""


@pytest.mark.parametrize("moves", [0, 1, 2, 3])
def test_killed_between_any_two_moves_a_reader_sees_the_old_or_the_new(moves: int, workspace: Workspace) -> None:
    first = write_snapshot(workspace, "p", "csv:a.csv", ROWS)
    code = subprocess.run([sys.executable, "-c", KILLED, str(moves)], cwd=workspace.root, check=False).returncode
    assert code == (0 if moves == 3 else 9)
    snapshot, frame = read_snapshot(workspace, "p")
    assert len(frame) == snapshot.rows
    assert (snapshot == first) is (moves < 3)


def test_nothing_temporary_is_left(workspace: Workspace) -> None:
    snapshot = write_snapshot(workspace, "p", "csv:a.csv", ROWS)
    names = sorted(path.name for path in snapshot.path.parent.iterdir())
    assert names == sorted([f"{snapshot.digest}.json", f"{snapshot.digest}.parquet", "latest.json"])
    assert json.loads((snapshot.path.parent / "latest.json").read_text()) == {"digest": snapshot.digest}


def test_the_rows_can_be_read_by_anything_that_reads_parquet(workspace: Workspace) -> None:
    snapshot = write_snapshot(workspace, "p", "csv:a.csv", ROWS)
    frame = pd.read_parquet(snapshot.path)
    np.testing.assert_array_equal(frame["age"], [33.0, 41.0])
    assert frame["job"].tolist() == ["cook", None]
