"""Migrations, which only go forward. Alembic runs them in the caller's transaction: all of them, or none.

Where none is missing Alembic is not imported, which takes longer than a look at the database: a rollback waits for it.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from tabi.errors import StateError

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0005"
"""The newest migration."""

VERSION_TABLE = "tabi_state_version"
"""A name of its own: MLflow keeps its version in Alembic's usual table, and may share the database."""

# Alembic hands the migrations their context in globals of the process
_one_at_a_time = threading.Lock()


def behind(connection: Connection, name: str) -> bool:
    """Whether migrations are missing. `StateError` if a newer Tabi has migrated the database."""
    at = _at(connection)
    if at in {None, HEAD}:
        return at is None
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    try:
        ScriptDirectory.from_config(_config()).get_revision(at)
    except CommandError:
        raise StateError(f"the state database {name} is of a newer Tabi: install that one here too") from None
    return True


def _at(connection: Connection) -> str | None:
    """The migration that the database came to; None before the first."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found: str | None = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608
    return found


def upgrade(connection: Connection) -> None:
    """Run what is missing. Who waited for another to do so finds nothing left to do."""
    from alembic import command

    config = _config()
    config.attributes["connection"] = connection
    with _one_at_a_time:
        command.upgrade(config, "head")


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "tabi.state:migrations")
    config.set_main_option("path_separator", "os")
    return config
