"""Both ways into a SQLite database, and what is refused."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import select, text

from tabi.errors import ConfigError, StateError
from tabi.state import Database, connect
from tabi.state.tables import audit
from tabi.workspace import Workspace
from tests.state.processes import at_once


@pytest.fixture
def database(workspace: Workspace) -> Database:
    return Database.of(workspace)


def test_a_workspace_gets_its_database_with_the_first_look(workspace: Workspace, database: Database) -> None:
    assert (workspace.root / "state" / "tabi.db").is_file()
    with database.reading() as connection:
        assert connection.execute(select(audit)).all() == []
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2


def test_its_name_is_the_same_after_the_workspace_has_moved(workspace: Workspace, tmp_path: Path) -> None:
    assert Database.of(workspace).name == "sqlite:///state/tabi.db"
    assert Database.open("sqlite:///state/tabi.db", tmp_path / "elsewhere").name == "sqlite:///state/tabi.db"
    assert (tmp_path / "elsewhere" / "state" / "tabi.db").is_file()


def test_what_was_written_is_kept_and_an_error_undoes_all_of_it(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(text("CREATE TABLE kept (i integer)"))

    def fail_late() -> None:
        with database.writing() as connection:
            connection.execute(text("INSERT INTO kept VALUES (1)"))
            connection.execute(text("CREATE TABLE lost (i integer)"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_late()
    with database.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM kept")).scalar() == 0
    with pytest.raises(StateError, match="refused a statement"), database.reading() as connection:
        connection.execute(text("SELECT * FROM lost"))


def test_who_reads_may_not_write(database: Database) -> None:
    with pytest.raises(StateError, match="SQLITE_READONLY"), database.reading() as connection:
        connection.execute(text("CREATE TABLE mine (i integer)"))


def test_who_reads_sees_one_moment_while_another_writes(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(text("CREATE TABLE t (i integer)"))
    with database.reading() as reader:
        assert reader.execute(text("SELECT count(*) FROM t")).scalar() == 0
        with database.writing() as writer:
            writer.execute(text("INSERT INTO t VALUES (1)"))
        assert reader.execute(text("SELECT count(*) FROM t")).scalar() == 0
    with database.reading() as reader:
        assert reader.execute(text("SELECT count(*) FROM t")).scalar() == 1


COUNT = """
import sys
from pathlib import Path
from sqlalchemy import text
from tabi.state import Database
def work(index):
    database = Database.open(sys.argv[1], Path.cwd())
    for _ in range(6):
        with database.writing() as connection:
            seen = connection.execute(text("SELECT i FROM counter")).scalar()
            connection.execute(text("UPDATE counter SET i = :i"), {"i": seen + 1})
"""


def test_of_eight_writers_each_sees_what_the_others_wrote(workspace: Workspace, database: Database) -> None:
    with database.writing() as connection:
        connection.execute(text("CREATE TABLE counter (i integer)"))
        connection.execute(text("INSERT INTO counter VALUES (0)"))
    at_once(COUNT, 8, "sqlite:///state/tabi.db", cwd=workspace.root)
    with database.reading() as connection:
        assert connection.execute(text("SELECT i FROM counter")).scalar() == 48


def test_a_writer_that_waits_too_long_is_told(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect, "WAIT_S", 0.05)
    impatient = Database.open("sqlite:///state/tabi.db", Path(database.engine.url.database or "").parents[1])
    with (
        database.writing(),
        pytest.raises(StateError, match="was kept by another writer for too long"),
        impatient.writing(),
    ):
        pass


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("nonsense", "is not the URL of a database"),
        ("postgresql://tabi:hunter2@host:port/db", "is not the URL of a database"),
        ("mysql://tabi:hunter2@host/db", "kind 'mysql'"),
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
        ("sqlite:///file:x?mode=memory&uri=true", "needs a file"),
    ],
)
def test_another_url_is_refused_without_its_password(url: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=told) as caught:
        Database.open(url, tmp_path)
    assert "hunter2" not in f"{caught.value!r} {caught.value.__cause__}"
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_is_down_is_told_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(StateError, match=r"postgresql://127\.0\.0\.1:1/db cannot be reached") as caught:
        Database.open("postgresql://tabi:hunter2@127.0.0.1:1/db", tmp_path)
    assert "hunter2" not in f"{caught.value} {caught.value.__cause__}"
    assert "hunter2" not in repr(
        Database(connect.engine_of(connect.url_of("postgresql://a:hunter2@h/d", tmp_path)), "")
    )


def test_what_is_no_database_is_left_as_it_is(workspace: Workspace) -> None:
    path = workspace.root / "state" / "tabi.db"
    path.parent.mkdir()
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(StateError, match="SQLITE_NOTADB"):
        Database.of(workspace)
    assert path.read_bytes() == b"not a database at all" * 100


def test_a_folder_that_cannot_be_made_is_told(workspace: Workspace) -> None:
    (workspace.root / "state").write_text("a file")
    with pytest.raises(StateError, match=r"the folder .* cannot be made"):
        Database.of(workspace)


def test_no_connection_is_left_open(workspace: Workspace, database: Database) -> None:
    with database.writing() as connection:
        connection.execute(text("CREATE TABLE t (i integer)"))
    # the last connection that closes takes the journal away
    assert [path.name for path in (workspace.root / "state").iterdir()] == ["tabi.db"]
    sqlite3.connect(workspace.root / "state" / "tabi.db", isolation_level=None).execute("BEGIN EXCLUSIVE").close()
