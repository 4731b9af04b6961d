"""The tables as the newest migration leaves them. A test compares the two."""

from __future__ import annotations

from sqlalchemy import CHAR, BigInteger, Column, Integer, MetaData, Table, Text

metadata = MetaData()

AUDIT_TRIGGERS = {
    "sqlite": ("audit_no_update", "audit_no_delete", "audit_follows"),
    "postgresql": ("audit_no_change", "audit_no_truncate", "audit_follows"),
}
"""What refuses a change of the audit trail, in each database."""

audit = Table(
    "audit",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("at", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("object", Text, nullable=False, index=True),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("previous", CHAR(64), nullable=False),
    Column("hash", CHAR(64), nullable=False),
)
"""The audit trail, one row an act. `before` and `after` are canonical JSON; `previous` is the hash before."""
