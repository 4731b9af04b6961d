"""`sql:URL`: the answer of a database to the project's `query`. The URL is SQLAlchemy's, without a password.

`sql:env:NAME` takes the URL from the variable NAME, which may hold one; it is read here and never kept. The rows come
from a server-side cursor where the database has one, and what is asked may only read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pandas as pd

from tabi.data.origin import Opened, Parent
from tabi.data.snapshot import digest_of_query
from tabi.errors import ConfigError, SourceError
from tabi.workspace import Workspace

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, CursorResult, Engine

BATCH = 50_000
"""Rows that are fetched at a time."""


def open_rows(rest: str, workspace: Workspace, query: str | None) -> Opened:
    """The rows of the query's answer."""
    assert query is not None  # noqa: S101 - open_source refuses to come here without one
    url = _url_of(rest)
    name = f"{url.get_backend_name()}://{url.host or ''}/{url.database or ''}"
    return Opened(
        _batches(_below(url, workspace), query, f"sql:{rest}"),
        [Parent(kind="query", name=name, digest=f"sha256:{digest_of_query(query)}")],
    )


def _url_of(rest: str) -> URL:
    try:
        from sqlalchemy import make_url
        from sqlalchemy.exc import ArgumentError
    except ImportError:
        raise ConfigError("a source of SQL needs the extra tabi[sql]: install it") from None
    text = rest
    if rest.startswith("env:"):
        text = os.environ.get(rest.removeprefix("env:"), "")
        if not text:
            raise ConfigError(f"source 'sql:{rest}' names a variable that is not set: set it to the database's URL")
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise ConfigError(
            f"{_shown(rest)} is not a database URL such as postgresql+psycopg://USER@HOST/DATABASE"
        ) from None
    if url.drivername == "postgresql":
        # psycopg is what the extra brings
        url = url.set(drivername="postgresql+psycopg")
    return url


def _below(url: URL, workspace: Workspace) -> URL:
    """The URL, of a file of SQLite with its path from the workspace on."""
    if url.get_backend_name() != "sqlite" or not url.database or url.database.startswith((":memory:", "file:")):
        return url
    return url.set(database=str(workspace.root / url.database))


def _shown(rest: str) -> str:
    return f"what {rest.removeprefix('env:')} holds" if rest.startswith("env:") else f"source 'sql:{rest}'"


def _batches(url: URL, query: str, called: str) -> Iterator[pd.DataFrame]:
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError

    engine = _engine_of(url, called)
    try:
        with engine.connect() as connection, _answer(connection, query) as answer:
            if not answer.returns_rows:
                raise ConfigError("`query` gives no rows: write a SELECT")
            names = list(answer.keys())
            for rows in answer.partitions(BATCH):
                # each value as the driver gives it: pandas would round whole numbers beside a missing one
                yield pd.DataFrame([tuple(row) for row in rows], columns=names, dtype=object)
    # what a driver says may hold values of rows, and an address
    except DBAPIError as error:
        raise SourceError(f"the database of source {called!r} refused {_stage(error)}: {_reason(error)}") from None
    except SQLAlchemyError as error:
        raise SourceError(f"the rows of source {called!r} could not be read: {type(error).__name__}") from None
    finally:
        engine.dispose()


def _answer(connection: Connection, query: str) -> CursorResult[Any]:
    from sqlalchemy import text

    # a colon is the query's own, and no parameter of SQLAlchemy
    return _read_only(connection).execution_options(yield_per=BATCH).execute(text(query.replace(":", "\\:")))


def _engine_of(url: URL, called: str) -> Engine:
    from sqlalchemy import create_engine
    from sqlalchemy.exc import SQLAlchemyError

    try:
        return create_engine(url, hide_parameters=True)
    except (ImportError, SQLAlchemyError) as error:
        raise ConfigError(
            f"source {called!r} needs a driver that is not installed ({type(error).__name__}): install it, or name "
            "another, such as postgresql+psycopg"
        ) from None


def _read_only(connection: Connection) -> Connection:
    if connection.dialect.name == "postgresql":
        return connection.execution_options(postgresql_readonly=True)
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA query_only = ON")
    return connection


def _stage(error: Any) -> str:
    return "the connection" if error.statement is None else "the query"


def _reason(error: Any) -> str:
    """The driver's class and code of the error; SQLite has none, and its text names tables and columns only."""
    original = error.orig
    if type(original).__module__ == "sqlite3":
        return str(original).splitlines()[0]
    code = getattr(original, "sqlstate", None)
    return f"{type(original).__name__}, SQLSTATE {code}" if code else type(original).__name__
