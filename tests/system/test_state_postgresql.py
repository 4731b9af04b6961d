"""The state database on a real PostgreSQL: migrations, one chain of many writers, triggers, tampering, no password."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from tabi.errors import StateError
from tabi.registry import audit
from tabi.registry.identity import Identity
from tabi.state import Database, connect
from tabi.state.migrate import VERSION_TABLE
from tabi.state.tables import metadata
from tabi.workspace import Workspace
from tests.state.processes import at_once
from tests.system.postgresql import PASSWORD, postgresql

pytestmark = pytest.mark.system

MARIA = Identity("maria", "token", frozenset({"approver"}))


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with postgresql() as number:
        yield number


@pytest.fixture
def owner(port: int) -> Iterator[psycopg.Connection]:
    """Whoever owns the database, and so may do anything to it, in a database that is empty."""
    address = f"postgresql://tabi@127.0.0.1:{port}"
    with psycopg.connect(f"{address}/postgres", password=PASSWORD, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS state WITH (FORCE)")
        connection.execute("CREATE DATABASE state")
    with psycopg.connect(f"{address}/state", password=PASSWORD, autocommit=True) as connection:
        yield connection


@pytest.fixture
def workspace(owner: psycopg.Connection, port: int, tmp_path: Path) -> Workspace:
    """Of this database; the driver is left out of the URL, as people write it."""
    return Workspace.find(
        tmp_path, {"TABI_HOME": str(tmp_path), "TABI_STATE": f"postgresql://tabi:{PASSWORD}@127.0.0.1:{port}/state"}
    )


@pytest.fixture
def trail(workspace: Workspace) -> list[audit.Row]:
    with audit.transaction(workspace) as begun:
        return [
            begun.record(
                actor=MARIA,
                action="approve",
                object=f"adult:{number}",
                after={"state": "良い", "auc": 0.9253},
                reason="good",
            )
            for number in range(1, 6)
        ]


def findings(workspace: Workspace) -> dict[int | None, str]:
    return {finding.number: finding.problem for finding in audit.verify(workspace).findings}


RECORD = """
import os, sys
from pathlib import Path
from tabi.registry import audit
from tabi.registry.identity import Identity
from tabi.workspace import Workspace
workspace = Workspace.find(Path(sys.argv[1]), {"TABI_HOME": sys.argv[1], "TABI_STATE": sys.argv[2]})
def work(index):
    for count in range(12):
        audit.record(workspace, actor=Identity(f"writer {index}", "user", frozenset()), action="a", object=f"m:{count}")
"""


def test_eight_writers_who_are_also_the_first_to_come_keep_one_chain(workspace: Workspace) -> None:
    at_once(RECORD, 8, str(workspace.root), workspace.state_url, cwd=workspace.root)
    found = audit.verify(workspace)
    assert (found.rows, found.anchored, found.findings) == (96, 96, ())
    with Database.of(workspace).reading() as connection:
        rows = list(audit.rows_of(connection))
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "compare_type": True})
        assert compare_metadata(context, metadata) == []
    by_writer = [[row.object for row in rows if row.actor == f"writer {index}"] for index in range(8)]
    assert by_writer == [[f"m:{count}" for count in range(12)]] * 8


KILLED = (
    RECORD
    + """
import random, signal, time
chance = random.Random(7)
for _ in range(6):
    seen, begun = os.pipe()
    child = os.fork()
    if child == 0:
        while True:
            os.write(begun, b".")
            with audit.transaction(workspace) as kept:
                for _ in range(3):
                    kept.record(actor=Identity("mortal", "user", frozenset()), action="a", object="m:1")
    assert os.read(seen, 1) and os.read(seen, 1)
    time.sleep(0.05 * chance.random())
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    found = audit.verify(workspace)
    print(found.rows % 3, len(found.findings))
"""
)


def test_a_writer_that_is_killed_leaves_a_chain_of_whole_transactions(workspace: Workspace) -> None:
    command = [sys.executable, "-c", KILLED, str(workspace.root), workspace.state_url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["0 0"] * 6
    assert audit.verify(workspace).rows >= 6 * 3


ACT = "at, actor, kind, action, object, before, after, reason"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET reason = 'better'",
        "DELETE FROM audit WHERE number = 5",
        "TRUNCATE audit",
        f"INSERT INTO audit SELECT 3, {ACT}, hash, '' FROM audit WHERE number = 5 ON CONFLICT DO NOTHING",
        f"INSERT INTO audit SELECT 7, {ACT}, hash, 'x' FROM audit WHERE number = 5",
        f"INSERT INTO audit SELECT 6, {ACT}, previous, 'x' FROM audit WHERE number = 5",
    ],
)
def test_the_database_refuses_whatever_is_not_a_row_at_the_end(
    statement: str, workspace: Workspace, trail: list[audit.Row]
) -> None:
    with pytest.raises(StateError, match="SQLSTATE P0001"), Database.of(workspace).writing() as connection:
        connection.execute(text(statement))
    assert audit.verify(workspace) == audit.Verification(5, trail[-1].hash, 5, 0, ())


@pytest.mark.parametrize(
    "change",
    [
        *(f"UPDATE audit SET {field} = 'x' WHERE number = 3" for field in ACT.split(", ")),
        "UPDATE audit SET previous = 'x' WHERE number = 3",
        "UPDATE audit SET hash = 'x' WHERE number = 3",
        "DELETE FROM audit WHERE number = 3",
        "UPDATE audit SET number = 13 WHERE number = 3",
        # 3 and 4 change places
        "UPDATE audit SET number = -number WHERE number IN (3, 4); UPDATE audit SET number = 7+number WHERE number < 0",
        "DELETE FROM audit WHERE number >= 3",
        "TRUNCATE audit",
    ],
)
def test_every_change_that_the_owner_can_make_is_found(
    change: str, workspace: Workspace, trail: list[audit.Row], owner: psycopg.Connection
) -> None:
    owner.execute("ALTER TABLE audit DISABLE TRIGGER ALL")
    # the second way to keep triggers from firing
    owner.execute("SET session_replication_role = replica")
    for statement in change.split("; "):
        owner.execute(statement)
    assert "was taken away" in findings(workspace)[None]
    owner.execute("ALTER TABLE audit ENABLE TRIGGER ALL")
    found = findings(workspace)
    assert (1 if change == "TRUNCATE audit" else 3) in found
    assert None not in found


def test_who_may_only_add_and_read_can_record(
    workspace: Workspace, trail: list[audit.Row], owner: psycopg.Connection, port: int
) -> None:
    """The lock of a writer needs no right to change the table, so the right can be taken away."""
    owner.execute("DROP ROLE IF EXISTS clerk")
    owner.execute("CREATE ROLE clerk LOGIN PASSWORD 'of-the-clerk'")
    owner.execute(f"GRANT SELECT, INSERT ON audit TO clerk; GRANT SELECT ON {VERSION_TABLE} TO clerk")
    environment = {
        "TABI_HOME": str(workspace.root),
        "TABI_STATE": f"postgresql://clerk:of-the-clerk@127.0.0.1:{port}/state",
    }
    clerk = Workspace.find(workspace.root, environment)
    row = audit.record(clerk, actor=MARIA, action="approve", object="adult:6")
    assert audit.verify(clerk) == audit.Verification(6, row.hash, 6, 0, ())
    with pytest.raises(StateError, match="SQLSTATE 42501"), Database.of(clerk).writing() as connection:
        connection.execute(text("UPDATE audit SET reason = 'better'"))
    owner.execute("DROP OWNED BY clerk; DROP ROLE clerk")


def test_who_reads_may_not_write_and_sees_one_moment(workspace: Workspace, trail: list[audit.Row]) -> None:
    database = Database.of(workspace)
    with pytest.raises(StateError, match="SQLSTATE 25006"), database.reading() as connection:
        connection.execute(text("CREATE TABLE mine (i integer)"))
    with database.reading() as connection:
        assert len(list(audit.rows_of(connection))) == 5
        audit.record(workspace, actor=MARIA, action="approve", object="adult:6")
        assert len(list(audit.rows_of(connection))) == 5


def test_a_writer_that_waits_too_long_is_told(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database.of(workspace)
    with database.writing():
        monkeypatch.setattr(connect, "WAIT_S", 1)
        with pytest.raises(StateError, match="was kept by another writer for too long"), database.writing():
            pass


def test_a_database_of_a_newer_tabi_is_left_alone(workspace: Workspace, owner: psycopg.Connection) -> None:
    Database.of(workspace)
    owner.execute(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    with pytest.raises(StateError, match="is of a newer Tabi"):
        Database.of(workspace)


def test_no_password_is_left_in_an_error_or_a_file(
    workspace: Workspace, trail: list[audit.Row], owner: psycopg.Connection, port: int
) -> None:
    wrong = workspace.state_url.replace(PASSWORD, "a-wrong-secret")
    with pytest.raises(StateError, match=rf"postgresql://127\.0\.0\.1:{port}/state cannot be reached") as caught:
        Database.open(wrong, workspace.root)
    assert "secret" not in f"{caught.value} {caught.value.__cause__}"
    assert caught.value.__suppress_context__
    audit.verify(workspace)
    assert PASSWORD not in f"{workspace!r} {Database.of(workspace)!r}"
    files = [path for path in workspace.root.rglob("*") if path.is_file()]
    assert files
    for file in files:
        assert PASSWORD.encode() not in file.read_bytes()
