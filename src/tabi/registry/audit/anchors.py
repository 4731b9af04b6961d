"""Anchors: the number and hash of rows, kept as evidence, outside the database.

The chain alone cannot tell that its last rows are gone, or that all of it was written anew: what is left hangs
together. An anchor can, as long as who changed the database did not change the evidence too.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tabi.evidence import Record, append, read
from tabi.registry.audit.chain import Row

KIND = "audit"


def keep(evidence: Path, database: str, rows: Iterable[Row]) -> None:
    """An anchor for each row that was added to the trail of `database`."""
    for row in rows:
        append(
            evidence,
            Record(
                kind=KIND,
                subject=database,
                verdict="pass",
                inputs={"row": row.hash},
                figures={"number": row.number, "action": row.action, "object": row.object},
            ),
        )


def kept(evidence: Path, database: str) -> tuple[dict[int, set[str]], int]:
    """The hashes that were kept for each number, and how many anchors are of other databases."""
    own: dict[int, set[str]] = {}
    others = 0
    for record in read(evidence, KIND):
        number, seal = record.figures.get("number"), record.inputs.get("row")
        if record.subject != database:
            others += 1
        elif isinstance(number, int) and seal:
            own.setdefault(number, set()).add(seal)
    return own, others
