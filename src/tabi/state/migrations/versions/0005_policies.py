"""The journal holds the whole policy that an operation writes, where it is more than a champion.

So whoever finishes an operation that was cut writes what its author meant.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the column."""
    op.add_column("operations", sa.Column("policy", sa.Text, nullable=False, server_default=""))
