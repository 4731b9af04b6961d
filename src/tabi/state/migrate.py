"""Migrations, which only go forward. Alembic runs them in the caller's transaction: all of them, or none."""

from __future__ import annotations

import threading

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection

from tabi.errors import StateError

VERSION_TABLE = "tabi_state_version"
"""A name of its own: MLflow keeps its version in Alembic's usual table, and may share the database."""

# Alembic hands the migrations their context in globals of the process
_one_at_a_time = threading.Lock()


def behind(connection: Connection, name: str) -> bool:
    """Whether migrations are missing. `StateError` if a newer Tabi has migrated the database."""
    scripts = ScriptDirectory.from_config(_config())
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    at = context.get_current_revision()
    if at is not None:
        try:
            scripts.get_revision(at)
        except CommandError:
            raise StateError(f"the state database {name} is of a newer Tabi: install that one here too") from None
    return at != scripts.get_current_head()


def upgrade(connection: Connection) -> None:
    """Run what is missing. Who waited for another to do so finds nothing left to do."""
    config = _config()
    config.attributes["connection"] = connection
    with _one_at_a_time:
        command.upgrade(config, "head")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "tabi.state:migrations")
    config.set_main_option("path_separator", "os")
    return config
