"""The trail as a file, and as lines for a person."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tabi.errors import ConfigError, StateError
from tabi.evidence import read
from tabi.registry import audit
from tabi.workspace import Workspace
from tests.registry.audit.conftest import MARIA, Attack


def test_json_lines_hold_every_field_as_it_is(workspace: Workspace, trail: list[audit.Row], tmp_path: Path) -> None:
    path = tmp_path / "trail.jsonl"
    assert audit.export(workspace, path, "json") == 5
    documents = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert documents == [row.document() for row in trail]
    assert documents[2]["after"] == {"state": "approved", "auc": 0.9253}
    (record,) = read(workspace.evidence, "audit-export")
    assert (record.inputs, record.figures) == ({"row": trail[-1].hash}, {"number": 5})


def test_csv_holds_every_field_as_text(workspace: Workspace, trail: list[audit.Row], tmp_path: Path) -> None:
    path = tmp_path / "trail.csv"
    audit.export(workspace, path, "csv")
    table = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"))))
    assert table == [list(audit.Row._fields), *([str(field) for field in row] for row in trail)]


@pytest.mark.parametrize("reason", ["=HYPERLINK(1)", "+1", "-1", "@x", "\t=1", 'a "quoted", text\nof two lines'])
def test_no_cell_of_csv_is_a_formula(reason: str, workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    audit.record(workspace, actor=MARIA, action="approve", object="adult:3", reason=reason)
    audit.export(workspace, None, "csv")
    (_, row) = csv.reader(io.StringIO(capsys.readouterr().out))
    assert row[8] == (reason if reason[0] == "a" else f"'{reason}")


def test_an_export_is_whole_or_not_there(workspace: Workspace, attack: Attack, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    attack("UPDATE audit SET before = 'nothing' WHERE number = 3")
    with pytest.raises(StateError, match="row 3 of the audit trail was changed"):
        audit.export(workspace, folder / "trail.jsonl", "json")
    assert list(folder.iterdir()) == []
    with pytest.raises(ConfigError, match="cannot be written"):
        audit.export(workspace, tmp_path / "no" / "folder", "csv")


def test_the_table_shows_the_last_rows_in_columns(workspace: Workspace, trail: list[audit.Row]) -> None:
    head, *lines = audit.table(workspace, None, 2)
    assert head.split() == ["row", "time", "who", "did", "to", "why"]
    assert [line.split()[0] for line in lines] == ["4", "5"]
    assert lines[1].endswith("maria (token)  approve  adult:5  reason 5: 良い")
    assert [line.split()[0] for line in audit.table(workspace, "adult:2", 50)] == ["row", "2"]


def test_the_table_shows_nothing_that_moves_the_cursor(workspace: Workspace) -> None:
    audit.record(workspace, actor=MARIA, action="approve", object="adult:3", reason="\x1b[2Kgood\nrow 9")
    assert list(audit.table(workspace, None, 9))[1].endswith("\ufffd[2Kgood\ufffdrow 9")
