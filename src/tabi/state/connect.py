"""From a URL to an engine. A connection lives as long as its transaction, so none is left open behind a command."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from tabi.errors import ConfigError, StateError

WAIT_S = 30
"""How long a writer waits for the writer before it."""

LOCK = 0x7461_6269
"""PostgreSQL's advisory lock that a writer holds: "tabi" in ASCII. It needs no right to change a table."""

_EXAMPLES = "sqlite:///state/tabi.db or postgresql://USER@HOST/DATABASE"


def url_of(text_of_url: str, root: Path) -> URL:
    """The URL, with the driver that is installed and the path of a file from `root` on."""
    try:
        url = make_url(text_of_url)
    except (ArgumentError, ValueError):
        raise ConfigError(f"TABI_STATE is not the URL of a database: write {_EXAMPLES}") from None
    backend = url.drivername.partition("+")[0]
    if backend in {"postgresql", "postgres"}:
        return url.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise ConfigError(f"TABI_STATE names a database of kind '{backend}': write {_EXAMPLES}")
    if not url.database or url.database.startswith((":memory:", "file:")):
        raise ConfigError("TABI_STATE needs a file, which outlives the process: write sqlite:///state/tabi.db")
    return url.set(drivername="sqlite", database=str(root / url.database))


def name_of(url: URL, root: Path) -> str:
    """What the database is called in errors and evidence. A workspace that moves keeps the name of its file."""
    database = Path(url.database or "")
    if url.get_backend_name() == "sqlite":
        return f"sqlite:///{database.relative_to(root) if database.is_relative_to(root) else database}"
    return f"postgresql://{url.host or ''}{f':{url.port}' if url.port else ''}/{database}"


def engine_of(url: URL) -> Engine:
    """An engine whose transactions begin as `Database` says."""
    arguments: dict[str, Any] = {"timeout": WAIT_S}
    if url.get_backend_name() == "postgresql":
        arguments = {"connect_timeout": WAIT_S, "application_name": "tabi"}
    try:
        engine = create_engine(url, poolclass=NullPool, hide_parameters=True, connect_args=arguments)
    except (ImportError, SQLAlchemyError) as error:
        raise ConfigError(
            f"TABI_STATE needs a driver that is not installed ({type(error).__name__}): install tabi[ops]"
        ) from None
    if url.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _connected)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        event.listen(engine, "begin", _begin_postgresql)
    return engine


def prepare(url: URL) -> None:
    """Make the folder of a file."""
    if url.get_backend_name() != "sqlite":
        return
    path = Path(url.database or "")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StateError(
            f"the folder {path.parent} of the state database cannot be made ({error.strerror}): set TABI_STATE"
        ) from None


def _connected(connection: sqlite3.Connection, _: object) -> None:
    # the module would begin transactions by itself, and late
    connection.isolation_level = None
    # text that somebody spoiled is for the reader to judge, and no reason to stop
    connection.text_factory = lambda content: content.decode("utf-8", "surrogateescape")
    connection.execute("PRAGMA foreign_keys = ON")
    # on disk with each commit, which the default of a journal of this kind is already unless SQLite was built otherwise
    connection.execute("PRAGMA synchronous = FULL")
    _use_wal(connection)


def _use_wal(connection: sqlite3.Connection) -> None:
    """A journal that lets readers in beside a writer. SQLite does not wait for its turn to change the journal."""
    patience = time.monotonic() + WAIT_S
    while True:
        try:
            if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
                connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > patience:
                raise
            time.sleep(0.02)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    write = connection.get_execution_options().get("tabi_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
    if not write:
        connection.exec_driver_sql("PRAGMA query_only = ON")


def _begin_postgresql(connection: Connection) -> None:
    if connection.get_execution_options().get("tabi_write", False):
        connection.execute(text(f"SET LOCAL lock_timeout = '{WAIT_S}s'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
