"""Anchors: the number and hash of rows, kept as evidence, outside the database.

The chain alone cannot tell that its last rows are gone, or that all of it was written anew: what is left hangs
together. An anchor can, as long as who changed the database did not change the evidence too.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from tabi.errors import ConfigError, StateError
from tabi.evidence import Record, append, read
from tabi.evidence.records import Verdict
from tabi.registry.audit.chain import Row

ROW, VERIFIED = "audit", "audit-verify"
"""Kinds of evidence that are anchors: of each row when it was added, of the last one when the trail was verified."""

Anchors = dict[int, set[str]]
"""The hashes that were kept of each number; more than one where somebody wrote a row anew."""


def keep(evidence: Path, database: str, rows: Iterable[Row]) -> None:
    """An anchor for each row that was added to the trail of `database`."""
    for row in rows:
        figures = {"number": row.number, "action": row.action, "object": row.object}
        record = Record(kind=ROW, subject=database, verdict="pass", inputs={"row": row.hash}, figures=figures)
        _append(evidence, record, f"row {row.number} of the audit trail is kept, but its anchor is not")


def keep_verified(evidence: Path, database: str, number: int, head: str, findings: int) -> None:
    """What a verification found; the anchor of the last row if all was well."""
    verdict: Verdict = "fail" if findings else "pass"
    figures = {"number": number, "findings": findings}
    record = Record(kind=VERIFIED, subject=database, verdict=verdict, inputs={"row": head}, figures=figures)
    _append(evidence, record, f"the audit trail was verified with {findings} findings, but that is not kept")


def _append(evidence: Path, record: Record, done: str) -> None:
    try:
        append(evidence, record)
    except OSError as error:
        raise StateError(f"{done}: {evidence} cannot be written ({error.strerror})") from None


def kept(evidence: Path, database: str) -> tuple[Anchors, int]:
    """The anchors of the trail of `database`, and how many there are of other databases."""
    own: Anchors = {}
    others = 0
    for record in read(evidence):
        number, seal = record.figures.get("number"), record.inputs.get("row")
        if record.kind not in {ROW, VERIFIED} or record.verdict != "pass":
            continue
        if record.subject != database:
            others += 1
        elif isinstance(number, int) and number > 0 and seal:
            own.setdefault(number, set()).add(seal)
    return own, others


class _Exported(msgspec.Struct):
    number: int
    hash: str


def of_export(path: Path) -> Anchors:
    """The rows of an earlier export in JSON lines, as anchors."""
    decode = msgspec.json.Decoder(_Exported).decode
    try:
        rows = [decode(line) for line in path.read_bytes().splitlines() if line]
    except OSError as error:
        raise ConfigError(f"the export {path} cannot be read ({error.strerror}): name another") from None
    except msgspec.MsgspecError:
        raise ConfigError(f"{path} is no export of the audit trail in JSON lines: name another") from None
    found: Anchors = {}
    for row in rows:
        found.setdefault(row.number, set()).add(row.hash)
    return found
