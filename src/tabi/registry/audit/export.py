"""The trail for others: JSON lines, which anybody can hash again, CSV for a spreadsheet, and lines for a person."""

from __future__ import annotations

import csv
import os
import sys
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator
from io import StringIO
from pathlib import Path
from typing import IO, Literal

from tabi.errors import ConfigError, StateError
from tabi.evidence import Record, append
from tabi.registry.audit.chain import ORIGIN, Row, canonical
from tabi.registry.audit.trail import rows_of
from tabi.state import Database
from tabi.workspace import Workspace

Format = Literal["json", "csv"]

# a spreadsheet takes a cell that begins so for a formula, and runs it
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def export(workspace: Workspace, to: Path | None, form: Format) -> int:
    """Write every row to a file, whole or not at all, or to standard output; how many there were is returned."""
    database = Database.of(workspace)
    last = None
    with database.reading() as connection:
        rows = rows_of(connection)
        last = write(rows, sys.stdout, form) if to is None else _write_file(rows, to, form)
    number, head = (last.number, last.hash) if last else (0, ORIGIN)
    record = Record(
        kind="audit-export", subject=database.name, verdict="pass", inputs={"row": head}, figures={"number": number}
    )
    append(workspace.evidence, record)
    return number


def write(rows: Iterable[Row], to: IO[str], form: Format) -> Row | None:
    """Write the rows; the last of them is returned."""
    row = None
    if form == "csv":
        to.write(",".join(Row._fields) + "\n")
    for row in rows:
        try:
            line = _csv(row) if form == "csv" else canonical(row.document()) + "\n"
            line.encode()
        except (ValueError, RecursionError):
            raise StateError(f"row {row.number} of the audit trail was changed: see tabi audit verify") from None
        to.write(line)
    return row


def table(workspace: Workspace, name: str | None, last: int) -> Iterator[str]:
    """The last rows, of one object or of all, as lines for a person."""
    with Database.of(workspace).reading() as connection:
        rows = deque(rows_of(connection, name), maxlen=last)
    cells = [("row", "time", "who", "did", "to", "why")]
    cells += [
        (str(row.number), row.at[:19], f"{row.actor} ({row.kind})", row.action, row.object, row.reason) for row in rows
    ]
    shown = [tuple(_printable(cell) for cell in line) for line in cells]
    widths = [max(len(line[column]) for line in shown) for column in range(5)]
    for line in shown:
        yield "  ".join([*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[-1]]).rstrip()


def _write_file(rows: Iterable[Row], to: Path, form: Format) -> Row | None:
    """To a file beside it first: a reader sees the export whole, or the one before."""
    try:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", newline="", dir=to.parent, delete=False) as file:
            scratch = Path(file.name)
            try:
                last = write(rows, file.file, form)
                file.flush()
                os.fsync(file.fileno())
                scratch.replace(to)
            except BaseException:
                scratch.unlink()
                raise
    except OSError as error:
        raise ConfigError(f"the export {to} cannot be written ({error.strerror}): name another file") from None
    return last


def _csv(row: Row) -> str:
    line = StringIO()
    cells = (f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in row[1:])
    csv.writer(line, lineterminator="\n").writerow([row.number, *cells])
    return line.getvalue()


def _printable(cell: str) -> str:
    # what is shown must not move the cursor or hide a line
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in cell)
