"""The state database: what must outlive every process. SQLite by default, PostgreSQL by URL."""

from tabi.state.database import Database

__all__ = ["Database"]
