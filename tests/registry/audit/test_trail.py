"""Rows are added whole, behind the last one, by many at once, and nothing else can be done to them."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from tabi.errors import ConfigError, StateError
from tabi.evidence import read
from tabi.registry import audit
from tabi.registry.identity import Identity
from tabi.state import Database
from tabi.workspace import Workspace
from tests.registry.audit.conftest import MARIA
from tests.state.processes import at_once

ACT = "at, actor, kind, action, object, before, after, reason"

RECORD = """
import sys
from pathlib import Path
from tabi.registry import audit
from tabi.registry.identity import Identity
from tabi.workspace import Workspace
workspace = Workspace.find(Path(sys.argv[1]), {})
"""


def rows(workspace: Workspace, name: str | None = None) -> list[audit.Row]:
    with Database.of(workspace).reading() as connection:
        return list(audit.rows_of(connection, name))


def test_a_row_holds_who_did_what_when_and_why(workspace: Workspace) -> None:
    row = audit.record(
        workspace, actor=MARIA, action="approve", object="adult:3", before={"s": 1}, after={"s": 2}, reason="good"
    )
    assert rows(workspace) == [row]
    assert row[2:10] == ("maria", "token", "approve", "adult:3", '{"s":1}', '{"s":2}', "good", audit.ORIGIN)
    (anchor,) = read(workspace.evidence, "audit")
    assert (anchor.subject, anchor.inputs) == ("sqlite:///state/tabi.db", {"row": row.hash})
    assert anchor.figures == {"number": 1, "action": "approve", "object": "adult:3"}


def test_each_row_holds_the_hash_of_the_row_before(trail: list[audit.Row]) -> None:
    assert [row.number for row in trail] == [1, 2, 3, 4, 5]
    assert [row.previous for row in trail] == [audit.ORIGIN, *(row.hash for row in trail[:-1])]


def test_rows_and_a_change_of_state_are_kept_together_or_not_at_all(workspace: Workspace) -> None:
    with audit.transaction(workspace) as begun:
        begun.connection.execute(text("CREATE TABLE states (state text)"))
        begun.connection.execute(text("INSERT INTO states VALUES ('candidate')"))

    def fail_late() -> None:
        with audit.transaction(workspace) as begun:
            begun.connection.execute(text("UPDATE states SET state = 'approved'"))
            begun.record(actor=MARIA, action="approve", object="adult:3")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_late()
    with Database.of(workspace).reading() as connection:
        assert connection.execute(text("SELECT state FROM states")).scalar() == "candidate"
    assert (rows(workspace), list(read(workspace.evidence))) == ([], [])


def test_the_rows_of_one_model_are_those_of_its_versions(workspace: Workspace) -> None:
    for name in ("adult", "adult:1", "adult:2", "adult2:1", "a_ult:1", "other"):
        audit.record(workspace, actor=MARIA, action="release", object=name)
    assert [row.object for row in rows(workspace, "adult")] == ["adult", "adult:1", "adult:2"]
    assert [row.object for row in rows(workspace, "adult:2")] == ["adult:2"]
    assert [row.object for row in rows(workspace, "a_ult")] == ["a_ult:1"]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET reason = 'better'",
        "DELETE FROM audit WHERE number = 5",
        "DELETE FROM audit",
        "INSERT OR REPLACE INTO audit SELECT * FROM audit WHERE number = 3",
        f"REPLACE INTO audit SELECT 3, {ACT}, hash, 'x' FROM audit WHERE number = 5",
        f"INSERT INTO audit SELECT 7, {ACT}, hash, 'x' FROM audit WHERE number = 5",
        f"INSERT INTO audit SELECT 6, {ACT}, previous, 'x' FROM audit WHERE number = 5",
    ],
)
def test_the_database_refuses_whatever_is_not_a_row_at_the_end(
    statement: str, workspace: Workspace, trail: list[audit.Row]
) -> None:
    with pytest.raises(StateError, match="SQLITE_CONSTRAINT_TRIGGER"), Database.of(workspace).writing() as connection:
        connection.execute(text(statement))
    assert rows(workspace) == trail


@pytest.mark.parametrize("wrong", ["half of a pair: \ud83d", "a NUL: \0"])
def test_what_is_no_text_is_refused(wrong: str, workspace: Workspace) -> None:
    for actor, reason in ((MARIA, wrong), (Identity(wrong, "token", frozenset()), "good")):
        with pytest.raises(ConfigError, match="must be text"):
            audit.record(workspace, actor=actor, action="approve", object="adult:3", reason=reason)
    assert rows(workspace) == []


def test_a_row_without_its_anchor_is_told(workspace: Workspace) -> None:
    workspace.evidence.write_text("a file where the folder should be")
    with pytest.raises(StateError, match="row 1 of the audit trail is kept, but its anchor is not"):
        audit.record(workspace, actor=MARIA, action="approve", object="adult:3")
    assert len(rows(workspace)) == 1


def test_eight_writers_keep_one_chain(workspace: Workspace) -> None:
    script = (
        RECORD
        + """
def work(index):
    me = Identity(f"writer {index}", "user", frozenset())
    for count in range(8):
        audit.record(workspace, actor=me, action="release", object=f"adult:{count}")
        # whoever verifies meanwhile finds nothing wrong
        assert index or not audit.verify(workspace).findings
"""
    )
    at_once(script, 8, str(workspace.root), cwd=workspace.root)
    found = audit.verify(workspace)
    assert (found.rows, found.anchored, found.findings) == (64, 64, ())
    by_writer = [[row.object for row in rows(workspace) if row.actor == f"writer {index}"] for index in range(8)]
    assert by_writer == [[f"adult:{count}" for count in range(8)]] * 8


KILLED = (
    RECORD
    + """
import os, random, signal, time
chance = random.Random(7)
me = Identity("mortal", "user", frozenset())
def endless():
    while True:
        os.write(begun_once, b".")
        with audit.transaction(workspace) as begun:
            for _ in range(3):
                begun.record(actor=me, action="release", object="adult:1", reason="x" * 5000)
for _ in range(6):
    seen, begun_once = os.pipe()
    child = os.fork()
    if child == 0:
        endless()
    # the first transaction is done, and one of the next is cut
    assert os.read(seen, 1) and os.read(seen, 1)
    time.sleep(0.03 * chance.random())
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(seen)
    os.close(begun_once)
    found = audit.verify(workspace)
    print(found.rows, len(found.findings))
"""
)


def test_a_writer_that_is_killed_leaves_a_chain_of_whole_transactions(workspace: Workspace) -> None:
    with audit.transaction(workspace) as begun:
        for _ in range(3):
            begun.record(actor=MARIA, action="release", object="adult:1")
    command = [sys.executable, "-c", KILLED, str(workspace.root)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    found = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
    counts = [rows for rows, _ in found]
    assert [problems for _, problems in found] == [0] * 6
    assert counts == sorted(counts)
    assert {count % 3 for count in counts} == {0}
    assert counts[-1] >= 3 + 6 * 3


def test_a_copy_of_the_file_is_a_trail_of_its_own(workspace: Workspace, trail: list[audit.Row], tmp_path: Path) -> None:
    source = sqlite3.connect(workspace.root / "state" / "tabi.db")
    copy = sqlite3.connect(workspace.root / "copy.db")
    source.backup(copy)
    source.close()
    copy.close()
    with Database.open("sqlite:///copy.db", workspace.root).reading() as connection:
        assert list(audit.rows_of(connection)) == trail
