"""Deployments: what was brought to which target, when, by whom, and how it ended."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the table."""
    texts = ("name", "target", "environment", "image", "revision", "before", "kind")
    op.create_table(
        "deployments",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in texts),
        sa.Column("version", sa.Integer),
        sa.Column("bundle", sa.Text, nullable=False),
        sa.Column("policy", sa.Integer, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("by", "at")),
        sa.Column("seconds", sa.Float),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("outcome", "reason", "problem")),
    )
    op.create_index("deployments_place", "deployments", ["name", "target", "environment"])
