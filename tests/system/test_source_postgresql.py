"""Rows from a real PostgreSQL: its types, a server-side cursor, and no password anywhere."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from tabi.data import fetch, open_source
from tabi.data.sources import sql
from tabi.errors import DataError, SourceError
from tabi.project import ProjectConfig
from tabi.workspace import Workspace
from tests.system.postgresql import PASSWORD, postgresql

pytestmark = pytest.mark.system

QUERY = """
    SELECT age, fee, job, active, since, at, id::text AS code, left_us
    FROM people WHERE job LIKE 'c%' OR job IS NULL ORDER BY id
"""
TABLE = """
    CREATE TABLE people (
        id bigint PRIMARY KEY, age double precision, fee numeric(9, 2), job text, active boolean, since date,
        at timestamptz, tags text[], left_us text
    );
    INSERT INTO people VALUES
        (1, 33, 10.25, 'cook', true, '2020-01-02', '2020-01-02 09:00+09', '{a}', 'no'),
        (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'yes'),
        (3, 1.5, 7, 'clerk: 50%', false, '2021-03-04', '2020-01-02 00:00:00.5+00', '{}', 'no')
"""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A server of its own with a password, and the table."""
    with postgresql() as number:
        with psycopg.connect(_address(number), password=PASSWORD) as connection:
            connection.execute(TABLE)
        yield number


def _address(port: int) -> str:
    return f"postgresql://tabi@127.0.0.1:{port}/postgres"


def config(port: int, query: str = QUERY) -> ProjectConfig:
    return ProjectConfig(
        name="p", source=f"sql:{_address(port)}", target="left_us", query=query, drop=["since", "at", "code"]
    )


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", PASSWORD)


def test_a_table_of_postgresql_becomes_a_snapshot(port: int, workspace: Workspace) -> None:
    fetched = fetch(workspace, config(port))
    rows = next(iter(fetched.snapshot.table().frames()))
    assert {
        name: [None if gone else cell for cell, gone in zip(rows[name], rows[name].isna(), strict=True)]
        for name in rows
    } == {
        "age": [33.0, None, 1.5],
        "fee": [10.25, None, 7.0],
        "job": ["cook", None, "clerk: 50%"],
        "active": ["true", None, "false"],
        "since": ["2020-01-02", None, "2021-03-04"],
        "at": ["2020-01-02T00:00:00+00:00", None, "2020-01-02T00:00:00.500000+00:00"],
        "code": ["1", "2", "3"],
        "left_us": ["no", "yes", "no"],
    }
    assert [column.name for column in fetched.contract.columns] == ["age", "fee", "job", "active"]
    assert [(p.kind, p.name) for p in fetched.snapshot.parents] == [("query", "postgresql://127.0.0.1/postgres")]


def test_rows_are_fetched_by_a_cursor_of_the_server(
    port: int, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql, "BATCH", 1_000)
    query = "SELECT i, i % 2 AS left_us FROM (SELECT generate_series(1, 2000000000) AS i) AS numbers"
    # the server makes only the rows that are fetched: all of them would not fit here
    batches = iter(open_source(f"sql:{_address(port)}", workspace, query).batches)
    assert next(batches)["i"].tolist() == list(range(1, 1_001))
    assert next(batches)["i"].iloc[-1] == 2_000
    with psycopg.connect(_address(port), password=PASSWORD) as connection:
        found = connection.execute("SELECT query FROM pg_stat_activity WHERE query LIKE 'FETCH%'").fetchall()
    assert found
    batches.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("SELECT nought FROM people", "refused the query: UndefinedColumn, SQLSTATE 42703"),
        ("SELECT job::int FROM people", "refused the query: InvalidTextRepresentation, SQLSTATE 22P02"),
        ("DELETE FROM people RETURNING id", "refused the query: .*SQLSTATE"),
        ("WITH gone AS (DELETE FROM people RETURNING id) SELECT * FROM gone", "refused the query: .*SQLSTATE"),
    ],
)
def test_an_error_of_the_query_is_told_without_a_value(query: str, told: str, port: int, workspace: Workspace) -> None:
    with pytest.raises(SourceError, match=told) as caught:
        fetch(workspace, config(port, query))
    assert "cook" not in str(caught.value)
    with psycopg.connect(_address(port), password=PASSWORD) as connection:
        assert connection.execute("SELECT count(*) FROM people").fetchone() == (3,)


def test_a_type_that_no_table_can_hold_is_told_by_column(port: int, workspace: Workspace) -> None:
    with pytest.raises(DataError, match="column 'tags' holds values of type list"):
        fetch(workspace, config(port, "SELECT tags, left_us FROM people"))


def test_a_refused_login_shows_no_password(port: int, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "a-wrong-secret")
    with pytest.raises(SourceError, match="refused the connection: OperationalError") as caught:
        fetch(workspace, config(port))
    assert "secret" not in f"{caught.value} {caught.value.__cause__}"
    assert caught.value.__suppress_context__


def test_no_password_is_left_in_any_file(port: int, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PGPASSWORD")
    monkeypatch.setenv("PEOPLE", _address(port).replace("tabi@", f"tabi:{PASSWORD}@"))
    settings = config(port)
    settings.source = "sql:env:PEOPLE"
    fetched = fetch(workspace, settings)
    assert fetched.snapshot.rows == 3
    assert PASSWORD not in repr(fetched)
    files = [path for path in workspace.root.rglob("*") if path.is_file()]
    assert files
    for file in files:
        assert PASSWORD.encode() not in file.read_bytes()
