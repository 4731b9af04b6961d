"""The tables as the newest migration leaves them. A test compares the two."""

from __future__ import annotations

from sqlalchemy import CHAR, BigInteger, Column, Float, Index, Integer, MetaData, Table, Text, text

metadata = MetaData()

_LIVE = text("state = 'live'")
_BEGUN = text("stage = 'begun'")
_OPEN = text("state <> 'stopped'")

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

versions = Table(
    "versions",
    metadata,
    Column("name", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("bundle", CHAR(64), nullable=False),
    Column("run", Text, nullable=False),
    Column("snapshot", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("metrics", Text, nullable=False),
    Column("trained_by", Text, nullable=False),
    Column("released_by", Text, nullable=False),
    Column("released_at", Text, nullable=False),
    Column("judged_by", Text, nullable=False),
    Column("judged_at", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Index("versions_bundle", "name", "bundle", unique=True),
    Index("versions_one_live", "name", unique=True, sqlite_where=_LIVE, postgresql_where=_LIVE),
)
"""The versions of every model. `judged_by`, `judged_at` and `reason` are of the approval or rejection."""

operations = Table(
    "operations",
    metadata,
    Column("id", CHAR(32), primary_key=True),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("bundle", CHAR(64), nullable=False),
    Column("previous", Integer),
    Column("previous_bundle", CHAR(64)),
    Column("revision", Integer, nullable=False),
    Column("actor", Text, nullable=False),
    Column("actor_kind", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("stage", Text, nullable=False),
    Column("policy", Text, nullable=False, server_default=""),
    Index("operations_name", "name", "stage"),
    Index("operations_one_begun", "name", unique=True, sqlite_where=_BEGUN, postgresql_where=_BEGUN),
)
"""The journal of the registry: what was begun, and how far it came. `policy`: JSON, empty for one of a champion."""

deployments = Table(
    "deployments",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("environment", Text, nullable=False),
    Column("image", Text, nullable=False),
    Column("revision", Text, nullable=False),
    Column("before", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("version", Integer),
    Column("bundle", Text, nullable=False),
    Column("policy", Integer, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("seconds", Float),
    Column("outcome", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("problem", Text, nullable=False),
    Index("deployments_place", "name", "target", "environment"),
)
"""What was brought to which target. `revision` is the target's own word for it; `policy` is the policy's revision."""

experiments = Table(
    "experiments",
    metadata,
    Column("name", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("state", Text, nullable=False),
    Column("salt", CHAR(32), nullable=False),
    Column("design", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("started_at", Text, nullable=False),
    Column("decided_by", Text, nullable=False),
    Column("ended_at", Text, nullable=False),
    Column("decision", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("result", Text, nullable=False),
    Index("experiments_one_open", "name", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
)
"""The experiments of every model. `design` and `result` are JSON; `decision` is the arm that was shipped."""
