"""Rows from a database, here SQLite; PostgreSQL is in tests/system."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tabi.data import fetch, latest_snapshot, load_table
from tabi.data.sources import open_source, sql
from tabi.errors import ConfigError, SourceError
from tabi.project import ProjectConfig
from tabi.workspace import Workspace
from tests.data.reading import fetch_rows

QUERY = "SELECT age, job, big, at, left FROM people ORDER BY rowid"


@pytest.fixture(autouse=True)
def database(workspace: Workspace) -> Path:
    path = workspace.root / "people.db"
    rows = [(33, "cook", 2**60 + 1, "12:30:00", "no"), (None, None, None, None, "yes"), (1.5, "50%", 3, "a::b", "no")]
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE people (age, job, big INTEGER, at, left)")
        connection.executemany("INSERT INTO people VALUES (?, ?, ?, ?, ?)", rows)
    return path


def test_the_rows_of_a_query_come_with_their_values_as_they_are(workspace: Workspace) -> None:
    frame = fetch_rows("sql:sqlite:///people.db", workspace, QUERY)
    assert frame.to_dict("list") == {
        "age": [33, None, 1.5],
        "job": ["cook", None, "50%"],
        "big": [2**60 + 1, None, 3],
        "at": ["12:30:00", None, "a::b"],
        "left": ["no", "yes", "no"],
    }


def test_colons_and_percents_of_a_query_are_its_own(workspace: Workspace) -> None:
    where = (
        "SELECT job, '%(x)s :y' AS odd FROM people WHERE at IN ('12:30:00', 'a::b') AND (job LIKE 'c%' OR job = '50%')"
    )
    assert fetch_rows("sql:sqlite:///people.db", workspace, where).to_dict("list") == {
        "job": ["cook", "50%"],
        "odd": ["%(x)s :y"] * 2,
    }


def test_rows_come_in_batches(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql, "BATCH", 2)
    batches = open_source("sql:sqlite:///people.db", workspace, QUERY).batches
    assert [len(batch) for batch in batches] == [2, 1]


def test_a_url_may_come_from_a_variable_and_is_recorded_nowhere(
    workspace: Workspace, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PEOPLE", f"sqlite:///file:{database}?mode=ro&uri=true&password=hunter2")
    config = ProjectConfig(name="p", source="sql:env:PEOPLE", target="left", query=QUERY)
    snapshot = fetch(workspace, config).snapshot
    assert snapshot.source == "sql:env:PEOPLE"
    assert [parent.name for parent in snapshot.parents] == [f"sqlite:///file:{database}"]
    for file in snapshot.path.parent.iterdir():
        assert b"hunter2" not in file.read_bytes()
    monkeypatch.delenv("PEOPLE")
    with pytest.raises(ConfigError, match="names a variable that is not set"):
        fetch(workspace, config)


@pytest.mark.parametrize(
    "uri",
    [
        "sql:postgresql://me:hunter2@db/people",
        "sql:postgresql+psycopg://:hunter2@db/people",
        "sql:postgresql://me@db/people?password=hunter2",
        "sql:mssql://db/people?odbc=1&PWD=hunter2",
        "sql:postgresql://me:hun/ter2@db/people",
        "sql:me:hunter2@db/people",
        "dvc:https://token:hunter2@host/repo.git#rows.csv@v1",
    ],
)
def test_a_password_in_a_source_is_refused_and_not_repeated(uri: str, workspace: Workspace) -> None:
    config = ProjectConfig(name="p", source=uri, target="left", query=QUERY if uri.startswith("sql") else None)
    for use in (fetch, load_table):
        with pytest.raises(ConfigError, match="holds a password") as caught:
            use(workspace, config)
        assert "ter2" not in str(caught.value)
    assert latest_snapshot(workspace, "p") is None


@pytest.mark.parametrize(
    ("uri", "query", "error", "told"),
    [
        ("sql:sqlite:///people.db", None, ConfigError, "needs a `query`"),
        ("sql:sqlite:///people.db", "  ", ConfigError, "needs a `query`"),
        ("csv:rows.csv", QUERY, ConfigError, "`query` is for sql sources"),
        ("sql:people.db", QUERY, ConfigError, "'sql:people.db' is not a database URL"),
        ("sql:nosuch://db/people", QUERY, ConfigError, "needs a driver that is not installed"),
        (
            "sql:sqlite:///people.db",
            "SELECT nought FROM people",
            SourceError,
            "refused the query: no such column: nought",
        ),
        (
            "sql:sqlite:///people.db",
            "DELETE FROM people",
            SourceError,
            "refused the query: attempt to write a readonly",
        ),
        ("sql:sqlite:///people.db", "PRAGMA cache_size = 10", ConfigError, "write a SELECT"),
        ("sql:sqlite:///none/people.db", QUERY, SourceError, "refused the connection: unable to open database file"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(
    uri: str, query: str | None, error: type[Exception], told: str, workspace: Workspace
) -> None:
    with pytest.raises(error, match=told) as caught:
        fetch_rows(uri, workspace, query)
    assert "\n" not in str(caught.value)


def test_two_columns_of_one_name_and_an_answer_without_rows_are_refused(workspace: Workspace) -> None:
    from tabi.errors import DataError

    config = ProjectConfig(name="p", source="sql:sqlite:///people.db", target="left")
    for query, told in (
        ("SELECT age, age, left FROM people", "more than one column named 'age'"),
        ("SELECT age, left FROM people WHERE age > 99", "the table has no rows"),
    ):
        config.query = query
        with pytest.raises(DataError, match=told):
            fetch(workspace, config)


def test_the_query_is_part_of_what_a_snapshot_is_of(workspace: Workspace) -> None:
    config = ProjectConfig(name="p", source="sql:sqlite:///people.db", target="left", query=QUERY)
    first = load_table(workspace, config).snapshot
    config.query = f"  {QUERY.replace(' FROM', chr(10) + 'FROM')} "
    assert load_table(workspace, config).snapshot == first
    config.query = "SELECT age, left FROM people"
    assert load_table(workspace, config).snapshot.columns == 2
