"""Writing the trail, and reading it. A row and the change of state that it tells of are one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, insert, select

from tabi.errors import ConfigError
from tabi.evidence import now
from tabi.registry.audit.anchors import keep
from tabi.registry.audit.chain import ORIGIN, Act, Row, canonical_of, follow
from tabi.registry.identity import Identity
from tabi.state import Database
from tabi.state.tables import audit
from tabi.workspace import Workspace

BATCH = 1_000
"""Rows that are read at a time."""


class Transaction:
    """What is written together. `connection` is for the state that changes; `record` tells the trail of it."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.rows: list[Row] = []

    def record(
        self,
        *,
        actor: Identity,
        action: str,
        object: str,  # noqa: A002 - the field's name
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
        reason: str = "",
    ) -> Row:
        """Add a row behind the last one."""
        act = Act(
            actor=_text(actor.name),
            kind=actor.kind,
            action=_text(action),
            object=_text(object),
            before=canonical_of(before or {}),
            after=canonical_of(after or {}),
            reason=_text(reason),
        )
        last = self.connection.execute(
            select(audit.c.number, audit.c.hash).order_by(audit.c.number.desc()).limit(1)
        ).first()
        row = follow(act, now(), *(last or (0, ORIGIN)))
        self.connection.execute(insert(audit).values(row._asdict()))
        self.rows.append(row)
        return row


@contextmanager
def transaction(workspace: Workspace, database: Database | None = None) -> Iterator[Transaction]:
    """One writer at a time. All of it is kept at the end, with the anchors of its rows, or nothing after an error."""
    database = database or Database.of(workspace)
    with database.writing() as connection:
        begun = Transaction(connection)
        yield begun
    keep(workspace.evidence, database.name, begun.rows)


def record(
    workspace: Workspace,
    *,
    actor: Identity,
    action: str,
    object: str,  # noqa: A002 - the field's name
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str = "",
) -> Row:
    """Add one row in a transaction of its own."""
    with transaction(workspace) as begun:
        return begun.record(actor=actor, action=action, object=object, before=before, after=after, reason=reason)


def rows_of(connection: Connection, name: str | None = None) -> Iterator[Row]:
    """The rows in the order of their numbers, some at a time; of one object or all, or of `NAME` with its versions."""
    query = select(*(audit.c[field] for field in Row._fields)).order_by(audit.c.number)
    if name is not None:
        query = query.where((audit.c.object == name) | audit.c.object.startswith(f"{name}:", autoescape=True))
    answer = connection.execution_options(yield_per=BATCH).execute(query)
    for fields in answer:
        yield Row(*fields)


def _text(field: str) -> str:
    try:
        field.encode()
    except UnicodeEncodeError:
        raise ConfigError("what is recorded must be text: it holds half a character") from None
    if "\0" in field:
        raise ConfigError("what is recorded must be text: it holds a NUL")
    return field
