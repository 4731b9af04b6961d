"""The snapshot as a tracked file, as it is written where the dvc command is not installed; see also tests/system."""

import hashlib
import os
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tabi.data import Snapshot, latest_snapshot, lineage_of, write_snapshot
from tabi.data.origin import Parent
from tabi.data.tracking import snapshot_of_tracked, track
from tabi.workspace import Workspace


@pytest.fixture
def snapshot(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Snapshot:
    monkeypatch.setenv("PATH", os.defpath)
    (workspace.projects / "p").mkdir()
    parents = [Parent(kind="file", name="a.csv", digest="sha256:00")]
    return write_snapshot(workspace, "p", "csv:a.csv", pd.DataFrame({"a": [1, 2]}), parents)


def make_repository(folder: Path) -> None:
    (folder / ".dvc").mkdir()
    (folder / ".dvc" / "config").touch()


def test_the_file_and_the_description_name_each_other(workspace: Workspace, snapshot: Snapshot) -> None:
    make_repository(workspace.root)
    tracked = track(workspace, "p", snapshot)
    assert tracked is not None
    content = snapshot.path.read_bytes()
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    assert yaml.safe_load(tracked.file.read_text()) == {
        "wdir": "../../store/data/p",
        "outs": [{"md5": md5, "size": len(content), "hash": "md5", "path": f"{snapshot.digest}.parquet"}],
        "meta": {"tabi": {"digest": snapshot.digest, "rows": 2}},
    }
    assert (tracked.snapshot.md5, tracked.cached) == (md5, False)
    assert latest_snapshot(workspace, "p") == tracked.snapshot
    assert snapshot_of_tracked(workspace, "p", md5) == tracked.snapshot
    assert snapshot_of_tracked(workspace, "p", "0" * 32) is None


def test_the_lineage_leads_from_the_snapshot_to_its_parents(workspace: Workspace, snapshot: Snapshot) -> None:
    make_repository(workspace.root)
    tracked = track(workspace, "p", snapshot)
    assert tracked is not None
    lineage = lineage_of(tracked.snapshot)
    assert (lineage.digest, lineage.source, lineage.query) == (snapshot.digest, "csv:a.csv", None)
    assert lineage.parents == (Parent(kind="file", name="a.csv", digest="sha256:00"),)
    assert lineage.md5 == tracked.snapshot.md5


def test_outside_of_a_repository_nothing_is_written(workspace: Workspace, snapshot: Snapshot) -> None:
    assert track(workspace, "p", snapshot) is None
    assert list((workspace.projects / "p").iterdir()) == []


def test_a_store_outside_of_the_repository_is_not_tracked(
    workspace: Workspace, snapshot: Snapshot, tmp_path_factory: pytest.TempPathFactory
) -> None:
    make_repository(workspace.root)
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    moved = Workspace.find(workspace.root, {"TABI_STORE": str(elsewhere)})
    stored = write_snapshot(moved, "p", "csv:a.csv", pd.DataFrame({"a": [1, 2]}))
    assert track(moved, "p", stored) is None


def test_a_description_from_before_there_was_lineage_is_read(workspace: Workspace, snapshot: Snapshot) -> None:
    old = '{"source":"csv:a.csv","rows":2,"columns":1,"fetched_at":"2026-01-01T00:00:00+00:00"}'
    snapshot.path.with_suffix(".json").write_text(old)
    latest = latest_snapshot(workspace, "p")
    assert latest is not None
    assert (lineage_of(latest).parents, lineage_of(latest).md5) == ((), None)
