"""One database with two ways in: `reading` sees one moment, `writing` is one writer at a time.

Both hold in SQLite and PostgreSQL alike: a writer waits until the writer before has committed, and so sees all that it
wrote. A transaction that is cut at any point leaves nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from tabi.errors import StateError
from tabi.state.connect import engine_of, name_of, prepare, url_of
from tabi.state.migrate import behind, upgrade
from tabi.workspace import Workspace


@dataclass(frozen=True)
class Database:
    """A state database whose tables are those of this Tabi. `name` is its URL, without who logs in and how."""

    engine: Engine
    name: str

    @classmethod
    def open(cls, url: str, root: Path | None = None) -> Database:
        """The database of `url`, made or migrated where it must be. A relative path of SQLite is below `root`.

        `ConfigError` where the URL is wrong, `StateError` where the database cannot be had.
        """
        root = root or Path.cwd()
        address = url_of(url, root)
        database = cls(engine_of(address), name_of(address, root))
        with faults(database.name):
            prepare(address)
            with _begun(database.engine, write=False) as connection:
                must = behind(connection, database.name)
            if must:
                with _begun(database.engine, write=True) as connection:
                    upgrade(connection)
        return database

    @classmethod
    def of(cls, workspace: Workspace) -> Database:
        """The state database of a workspace."""
        return cls.open(workspace.state_url, workspace.root)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees the database as it is at the first look, and may not write."""
        with faults(self.name), _begun(self.engine, write=False) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection that no other writer stands beside. Committed at the end, undone by any error."""
        with faults(self.name), _begun(self.engine, write=True) as connection:
            yield connection


@contextmanager
def _begun(engine: Engine, *, write: bool) -> Iterator[Connection]:
    with engine.connect() as connection:
        connection.execution_options(tabi_write=write)
        if connection.dialect.name == "postgresql" and not write:
            connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with connection.begin():
            yield connection


@contextmanager
def faults(name: str) -> Iterator[None]:
    """Turn an error of the database into one line. What a driver says may hold values and addresses: it is left out."""
    try:
        yield
    except DBAPIError as error:
        raise StateError(f"the state database {name} {_reason(error)}") from None
    except SQLAlchemyError as error:
        raise StateError(f"the state database {name} could not be used: {type(error).__name__}") from None


def _reason(error: DBAPIError) -> str:
    original = error.orig
    code = getattr(original, "sqlstate", None)
    error_name = getattr(original, "sqlite_errorname", "") or (f"SQLSTATE {code}" if code else "")
    said = f"{type(original).__name__}{f', {error_name}' if error_name else ''}"
    if error_name.startswith("SQLITE_BUSY") or code == "55P03":
        return "was kept by another writer for too long: try again"
    if error.statement is None:
        return f"cannot be reached ({said}): start it, or set TABI_STATE to another"
    return f"refused a statement ({said})"
