"""Versions of models, and the journal of what the registry does with them.

Two partial indexes are laws: a model has at most one version that is live, and at most one operation that is begun.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables."""
    _versions()
    _operations()


def _versions() -> None:
    texts = ("state", "metrics", "trained_by", "released_by", "released_at", "judged_by", "judged_at", "reason")
    op.create_table(
        "versions",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("bundle", sa.CHAR(64), nullable=False),
        sa.Column("run", sa.Text, nullable=False),
        sa.Column("snapshot", sa.Text, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in texts),
    )
    op.create_index("versions_bundle", "versions", ["name", "bundle"], unique=True)
    live = sa.text("state = 'live'")
    op.create_index("versions_one_live", "versions", ["name"], unique=True, sqlite_where=live, postgresql_where=live)


def _operations() -> None:
    op.create_table(
        "operations",
        sa.Column("id", sa.CHAR(32), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("bundle", sa.CHAR(64), nullable=False),
        sa.Column("previous", sa.Integer),
        sa.Column("previous_bundle", sa.CHAR(64)),
        sa.Column("revision", sa.Integer, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("actor", "actor_kind", "reason", "at", "stage")),
    )
    op.create_index("operations_name", "operations", ["name", "stage"])
    begun = sa.text("stage = 'begun'")
    op.create_index(
        "operations_one_begun", "operations", ["name"], unique=True, sqlite_where=begun, postgresql_where=begun
    )
