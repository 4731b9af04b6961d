"""Whoever has the file can change it. Every change is found, and named by its row."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text

from tabi.errors import ConfigError, StateError
from tabi.registry import audit
from tabi.registry.audit.chain import hash_of
from tabi.state import Database
from tabi.workspace import Workspace
from tests.registry.audit.conftest import MARIA, Attack


def findings(workspace: Workspace) -> dict[int | None, str]:
    return {finding.number: finding.problem for finding in audit.verify(workspace).findings}


def test_an_empty_trail_and_an_untouched_one_are_well(workspace: Workspace) -> None:
    assert audit.verify(workspace) == audit.Verification(0, audit.ORIGIN, 0, 0, ())
    row = audit.record(workspace, actor=MARIA, action="approve", object="adult:3")
    assert audit.verify(workspace) == audit.Verification(1, row.hash, 1, 0, ())
    # its own anchor of the last row says nothing new
    assert audit.verify(workspace) == audit.Verification(1, row.hash, 1, 0, ())


@pytest.mark.parametrize("number", [1, 3, 5])
@pytest.mark.parametrize("field", ["at", "actor", "kind", "action", "object", "before", "after", "reason", "hash"])
def test_a_change_of_any_field_is_found(field: str, number: int, workspace: Workspace, attack: Attack) -> None:
    value = '\'{"state":"live"}\'' if field in {"before", "after"} else f"'{'f' * 64}'"
    attack(f"UPDATE audit SET {field} = {value} WHERE number = {number}")
    found = findings(workspace)
    assert found[number].startswith("its hash is not that of its fields") or "another hash" in found[number]
    # the row behind still names the hash that this one had
    assert set(found) == ({number, number + 1} & {1, 2, 3, 4, 5} if field == "hash" else {number})


@pytest.mark.parametrize("number", [1, 3, 5])
def test_a_change_of_the_hash_before_is_found_by_name(number: int, workspace: Workspace, attack: Attack) -> None:
    attack(f"UPDATE audit SET previous = '{'f' * 64}' WHERE number = {number}")
    found = [finding for finding in audit.verify(workspace).findings if finding.number == number]
    assert [finding.problem.partition(":")[0] for finding in found] == [
        "it does not follow the row before",
        "its field 'previous' was changed",
    ]


@pytest.mark.parametrize(
    "change",
    [
        "before = '{ }'",
        "before = 'nothing'",
        "after = '{\"state\":NaN}'",
        "reason = 5",
        "reason = x'ff00'",
        "reason = CAST(x'ff41' AS text)",
        f"before = '{'[' * 50_000}'",
    ],
)
def test_what_is_never_recorded_is_found(change: str, workspace: Workspace, attack: Attack) -> None:
    attack(f"UPDATE audit SET {change} WHERE number = 3")
    assert 3 in findings(workspace)
    assert audit.verify(workspace).rows == 5


@pytest.mark.parametrize("number", [1, 3])
def test_a_row_that_was_deleted_is_found(number: int, workspace: Workspace, attack: Attack) -> None:
    attack(f"DELETE FROM audit WHERE number = {number}")
    assert findings(workspace) == {
        number: "this row is missing",
        number + 1: "it does not follow the row before: that one was changed, taken out or put in",
    }


def test_rows_that_were_deleted_at_the_end_are_found(workspace: Workspace, attack: Attack) -> None:
    attack("DELETE FROM audit WHERE number > 3")
    assert findings(workspace) == {4: "this row and those up to 5 are missing"}


def test_a_trail_that_is_gone_is_found(workspace: Workspace, trail: list[audit.Row]) -> None:
    shutil.rmtree(workspace.root / "state")
    assert findings(workspace) == {1: "this row and those up to 5 are missing"}


def test_a_gap_that_was_closed_is_found(workspace: Workspace, attack: Attack) -> None:
    attack("DELETE FROM audit WHERE number = 2", "UPDATE audit SET number = number - 1 WHERE number > 2")
    found = findings(workspace)
    assert {2, 3, 4, 5} == set(found)


def test_rows_that_changed_places_are_found(workspace: Workspace, attack: Attack) -> None:
    attack(
        "UPDATE audit SET number = 0 WHERE number = 2",
        "UPDATE audit SET number = 2 WHERE number = 3",
        "UPDATE audit SET number = 3 WHERE number = 0",
    )
    assert {2, 3} <= set(findings(workspace))


@pytest.mark.parametrize("number", [-1, 0, 6, 9])
def test_a_row_that_was_put_in_is_found(number: int, workspace: Workspace, attack: Attack) -> None:
    attack(
        "INSERT INTO audit SELECT "
        f"{number}, at, actor, kind, action, object, before, after, reason, previous, hash FROM audit WHERE number = 3"
    )
    found = [finding.problem for finding in audit.verify(workspace).findings if finding.number == number]
    assert found[0].startswith("no row has such a number" if number < 1 else "it does not follow")
    assert found[-1].endswith("one of them was changed")


def rewrite(workspace: Workspace, attack: Attack, first: int) -> None:
    """What an attacker does who knows how the chain is made: every hash from a row on is computed again."""
    with Database.of(workspace).reading() as connection:
        rows = list(audit.rows_of(connection))
    previous, statements = rows[first - 2].hash if first > 1 else audit.ORIGIN, []
    for row in rows[first - 1 :]:
        changed = row._replace(reason="as it should have been", previous=previous)
        previous = hash_of(changed)
        statements.append(
            f"UPDATE audit SET reason = '{changed.reason}', previous = '{changed.previous}', hash = '{previous}' "
            f"WHERE number = {row.number}"
        )
    attack(*statements)


@pytest.mark.parametrize("first", [1, 3, 5])
def test_a_chain_that_was_computed_anew_is_found_by_the_anchors(
    first: int, workspace: Workspace, attack: Attack
) -> None:
    rewrite(workspace, attack, first)
    again = "an anchor holds another hash of it: it was written anew"
    assert findings(workspace) == dict.fromkeys(range(first, 6), again)


def test_without_evidence_an_earlier_export_finds_it(workspace: Workspace, attack: Attack, tmp_path: Path) -> None:
    export = tmp_path / "export.jsonl"
    assert audit.export(workspace, export, "json") == 5
    assert audit.verify(workspace, export).findings == ()
    rewrite(workspace, attack, 4)
    attack("DELETE FROM audit WHERE number = 5")
    shutil.rmtree(workspace.evidence)
    # the limit: what is left hangs together
    assert audit.verify(workspace).findings == ()
    found = audit.verify(workspace, export).findings
    assert [finding.number for finding in found] == [4, 5]


@pytest.mark.parametrize("content", [None, b"nonsense\n", b'{"number":1}\n', b"\xff\n"])
def test_what_is_no_export_is_refused(content: bytes | None, workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "export.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match="export"):
        audit.verify(workspace, path)


def test_a_verification_is_an_anchor_itself(workspace: Workspace, attack: Attack) -> None:
    for path in workspace.evidence.iterdir():
        path.unlink()
    assert audit.verify(workspace).anchored == 0
    assert audit.verify(workspace).anchored == 1
    attack("DELETE FROM audit WHERE number = 5")
    assert findings(workspace) == {5: "this row is missing"}


def test_a_verification_that_found_something_is_no_anchor(
    workspace: Workspace, attack: Attack, trail: list[audit.Row]
) -> None:
    attack(f"UPDATE audit SET hash = '{'f' * 64}' WHERE number = 5")
    assert 5 in findings(workspace)
    attack(f"UPDATE audit SET hash = '{trail[4].hash}' WHERE number = 5")
    assert findings(workspace) == {}


def test_anchors_of_another_database_are_counted_and_not_held_against_this_one(
    workspace: Workspace, trail: list[audit.Row], tmp_path: Path
) -> None:
    other = Workspace.find(tmp_path, {"TABI_HOME": str(tmp_path), "TABI_STATE": "sqlite:///other.db"})
    assert audit.verify(other) == audit.Verification(0, audit.ORIGIN, 0, 5, ())


@pytest.mark.parametrize("name", ["audit_no_update", "audit_no_delete", "audit_follows"])
def test_a_trigger_that_was_taken_away_is_found(name: str, workspace: Workspace, trail: list[audit.Row]) -> None:
    with sqlite3.connect(workspace.root / "state" / "tabi.db") as connection:
        connection.execute(f"DROP TRIGGER {name}")
    connection.close()
    assert findings(workspace) == {None: f"the trigger '{name}', which refuses changes of the trail, was taken away"}


def test_a_table_that_is_gone_is_told(workspace: Workspace, attack: Attack) -> None:
    with Database.of(workspace).writing() as connection:
        connection.execute(text("ALTER TABLE audit RENAME TO mislaid"))
    with pytest.raises(StateError, match="refused a statement"):
        audit.verify(workspace)
