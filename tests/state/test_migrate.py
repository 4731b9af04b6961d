"""Migrations: run with the first look, by one of many, whole or not at all."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from tabi.errors import StateError
from tabi.state import Database
from tabi.state.migrate import HEAD, VERSION_TABLE, _config
from tabi.state.tables import metadata
from tabi.workspace import Workspace
from tests.conftest import REPOSITORY
from tests.state.processes import at_once

OPEN = """
import sys
from pathlib import Path
from tabi.state import Database
def work(index):
    with Database.open(sys.argv[1], Path.cwd()).reading() as connection:
        rows = connection.exec_driver_sql("SELECT count(*) FROM tabi_state_version").scalar()
    # one write a line, so that lines do not mix
    sys.stdout.write(f"{rows}\\n")
"""


def test_eight_processes_may_be_the_first_at_once(workspace: Workspace) -> None:
    assert at_once(OPEN, 8, "sqlite:///state/tabi.db", cwd=workspace.root) == ["1"] * 8


def test_the_tables_are_those_that_the_migrations_leave(workspace: Workspace) -> None:
    with Database.of(workspace).reading() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_a_database_of_a_newer_tabi_is_left_alone(workspace: Workspace) -> None:
    database = Database.of(workspace)
    with database.writing() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    with pytest.raises(StateError, match="is of a newer Tabi"):
        Database.of(workspace)


def test_it_may_share_a_database_with_mlflow(workspace: Workspace) -> None:
    """MLflow keeps the number of its own migration in Alembic's usual table."""
    url = f"sqlite:///{workspace.root}/shared.db"
    with sqlite3.connect(workspace.root / "shared.db") as connection:
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        connection.execute("INSERT INTO alembic_version VALUES ('of mlflow')")
    connection.close()
    with Database.open(url, workspace.root).reading() as reader:
        assert reader.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == ["of mlflow"]


KILLED = """
import os, signal, sys
from pathlib import Path
from sqlalchemy import event
import tabi.state.database
from tabi.state import Database
engine_of = tabi.state.database.engine_of
left = 0
def watched(url):
    engine = engine_of(url)
    @event.listens_for(engine, "before_cursor_execute")
    def count(connection, cursor, statement, *rest):
        global left
        if statement.lstrip().startswith(("CREATE", "INSERT", "UPDATE")):
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
    return engine
tabi.state.database.engine_of = watched
for statements in range(99):
    child = os.fork()
    if child == 0:
        left = statements
        Database.open("sqlite:///tabi.db", Path.cwd() / f"killed after {statements:02}")
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0:
        break
"""


@pytest.mark.system
def test_a_migration_that_is_killed_leaves_nothing_and_is_run_by_the_next(workspace: Workspace) -> None:
    """Before each of its statements in turn, until one run comes to its end."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED], cwd=workspace.root, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    folders = sorted(workspace.root.glob("killed after *"))
    assert len(folders) > 6
    for folder in folders[:-1]:
        with sqlite3.connect(folder / "tabi.db") as connection:
            assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
        connection.close()
    for folder in folders:
        with Database.open("sqlite:///tabi.db", folder).reading() as opened:
            context = MigrationContext.configure(opened, opts={"version_table": VERSION_TABLE})
            assert compare_metadata(context, metadata) == []


def test_the_migrations_are_in_the_wheel(tmp_path: Path) -> None:
    hatch = pytest.importorskip("hatchling.builders.wheel")
    (wheel,) = hatch.WheelBuilder(str(REPOSITORY)).build(directory=str(tmp_path), versions=["standard"])
    names = set(zipfile.ZipFile(wheel).namelist())
    folder = REPOSITORY / "src" / "tabi" / "state" / "migrations"
    there = {f"tabi/state/migrations/{path.relative_to(folder)}" for path in folder.rglob("*.py")}
    assert "tabi/state/migrations/versions/0001_audit.py" in there
    assert there <= names


def test_the_newest_migration_is_the_one_that_is_named() -> None:
    assert ScriptDirectory.from_config(_config()).get_current_head() == HEAD


def test_a_database_that_is_up_to_date_is_opened_without_alembic(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'tabi.db'}"
    Database.open(url)
    script = f"import sys; sys.modules['alembic'] = None; from tabi.state import Database; Database.open({url!r})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
