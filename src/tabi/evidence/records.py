"""One JSON object a line, one file a month. A record is one `write` to an O_APPEND file, so writers never mix."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

Verdict = Literal["begun", "not judged", "pass", "warn", "fail"]


def now() -> str:
    """The present moment, ISO 8601 in UTC, to the microsecond."""
    return datetime.now(UTC).isoformat()


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What one operation did.

    `kind`: the operation, such as `training`. `subject`: what it was done to, such as a project's name.
    `inputs`: what it was made from, by digest or id. `figures`: what it measured.
    """

    kind: str
    subject: str
    verdict: Verdict
    at: str = msgspec.field(default_factory=now)
    inputs: dict[str, str] = {}
    figures: dict[str, Any] = {}


def append(folder: Path, record: Record) -> None:
    """Add a record to the month's file below `folder`, on disk when this returns."""
    folder.mkdir(parents=True, exist_ok=True)
    line = msgspec.json.encode(record) + b"\n"
    descriptor = os.open(folder / f"{record.at[:7]}.jsonl", os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, line if _ends_with_a_line(descriptor) else b"\n" + line)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _ends_with_a_line(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    return size == 0 or os.pread(descriptor, 1, size - 1) == b"\n"


class Placed(NamedTuple):
    """A record, and where it stands: the name of its file and the number of its line, as `2026-11.jsonl:12`."""

    record: Record
    place: str


def read(folder: Path, kind: str | None = None) -> Iterator[Record]:
    """The records below `folder` in the order they were written, of one kind or of all.

    A line that a power cut left half-written is passed over; the record after it starts a line of its own.
    """
    return (placed.record for placed in read_placed(folder, kind))


def read_placed(folder: Path, kind: str | None = None) -> Iterator[Placed]:
    """As `read`, each record with its place."""
    decode = msgspec.json.Decoder(Record).decode
    for path in sorted(folder.glob("*.jsonl")):
        for number, line in enumerate(path.read_bytes().splitlines(), 1):
            try:
                record = decode(line)
            except msgspec.MsgspecError:
                continue
            if kind is None or record.kind == kind:
                yield Placed(record, f"{path.name}:{number}")
