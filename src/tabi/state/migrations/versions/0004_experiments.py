"""Experiments: what was asked, how it was designed, and how it ended.

A partial index is a law: a model has at most one experiment that is not stopped.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the table."""
    texts = ("design", "by", "at", "started_at", "decided_by", "ended_at", "decision", "reason", "result")
    op.create_table(
        "experiments",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("salt", sa.CHAR(32), nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in texts),
    )
    is_open = sa.text("state <> 'stopped'")
    op.create_index(
        "experiments_one_open", "experiments", ["name"], unique=True, sqlite_where=is_open, postgresql_where=is_open
    )
