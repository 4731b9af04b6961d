"""Is the trail what was recorded? Every row is hashed again, and compared with its neighbours and with the anchors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, text

from tabi.registry.audit.anchors import Anchors, keep_verified, kept, of_export
from tabi.registry.audit.chain import ORIGIN, Row, hash_of
from tabi.registry.audit.trail import rows_of
from tabi.state import Database
from tabi.state.tables import AUDIT_TRIGGERS
from tabi.workspace import Workspace


@dataclass(frozen=True)
class Finding:
    """What is wrong, and with which row; with none where it is the trail as a whole."""

    number: int | None
    problem: str


@dataclass(frozen=True)
class Verification:
    """`anchored` counts the rows that an anchor confirms, `others` the anchors of other databases."""

    rows: int
    head: str
    anchored: int
    others: int
    findings: tuple[Finding, ...]


def verify(workspace: Workspace, against: Path | None = None) -> Verification:
    """Look at every row once, and hold it against its anchors: those of the evidence, and of an earlier export."""
    database = Database.of(workspace)
    anchors, others = kept(workspace.evidence, database.name)
    for number, seals in (of_export(against) if against else {}).items():
        anchors.setdefault(number, set()).update(seals)
    with database.reading() as connection:
        walk = Walk(anchors)
        findings = [*_guards(connection), *walk.findings(rows_of(connection))]
    keep_verified(workspace.evidence, database.name, walk.number, walk.head, len(findings))
    return Verification(walk.rows, walk.head, walk.anchored, others, tuple(findings))


class Walk:
    """One way along the chain. `rows`, `number` and `head` of the last one, and `anchored` are known at its end."""

    def __init__(self, anchors: Anchors) -> None:
        self.rows, self.number, self.head, self.anchored = 0, 0, ORIGIN, 0
        self._anchors = anchors

    def findings(self, rows: Iterator[Row]) -> Iterator[Finding]:
        """What is wrong, in the order of the rows."""
        for row in rows:
            yield from self._place(row)
            problem = self._content(row)
            if problem:
                yield Finding(row.number, problem)
            yield from self._anchor(row)
            self.rows, self.number, self.head = self.rows + 1, row.number, row.hash
        yield from self._missing(self.number + 1, max(self._anchors, default=0))

    def _place(self, row: Row) -> Iterator[Finding]:
        if row.number < 1:
            yield Finding(row.number, "no row has such a number: it was put in")
        elif row.number != self.number + 1:
            yield from self._missing(self.number + 1, row.number - 1)
        if row.previous != self.head:
            yield Finding(row.number, "it does not follow the row before: that one was changed, taken out or put in")

    def _missing(self, first: int, last: int) -> Iterator[Finding]:
        if last > first:
            yield Finding(first, f"this row and those up to {last} are missing")
        elif last == first:
            yield Finding(first, "this row is missing")

    def _content(self, row: Row) -> str | None:
        try:
            computed = hash_of(row)
        except (ValueError, RecursionError):
            return "a field holds what is never recorded: it was changed"
        if computed == row.hash:
            return None
        if hash_of(row._replace(previous=self.head)) == row.hash:
            return "its field 'previous' was changed"
        if hash_of(row._replace(number=self.number + 1)) == row.hash:
            return "its field 'number' was changed"
        return "its hash is not that of its fields: one of them was changed"

    def _anchor(self, row: Row) -> Iterator[Finding]:
        kept_here = self._anchors.get(row.number)
        if kept_here is None:
            return
        if kept_here == {row.hash}:
            self.anchored += 1
        else:
            yield Finding(row.number, "an anchor holds another hash of it: it was written anew")


def _guards(connection: Connection) -> Iterator[Finding]:
    dialect = connection.dialect.name
    query = (
        "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit'"
        if dialect == "sqlite"
        else "SELECT tgname FROM pg_trigger WHERE tgrelid = 'audit'::regclass AND tgenabled IN ('O', 'A')"
    )
    there = set(connection.execute(text(query)).scalars())
    for name in AUDIT_TRIGGERS[dialect]:
        if name not in there:
            yield Finding(None, f"the trigger '{name}', which refuses changes of the trail, was taken away")
