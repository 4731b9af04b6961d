"""The trail for others: JSON lines, which anybody can hash again, and CSV for a spreadsheet."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from typing import Literal, TextIO

from tabi.registry.audit.chain import Row, canonical

Format = Literal["json", "csv"]

# a spreadsheet takes a cell that begins so for a formula, and runs it
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def export(rows: Iterable[Row], to: TextIO, form: Format) -> Row | None:
    """Write every row; the last of them is returned."""
    last = None
    if form == "csv":
        writer = csv.writer(to, lineterminator="\n")
        writer.writerow(Row._fields)
        for last in rows:
            writer.writerow([last.number, *(_cell(field) for field in last[1:])])
        return last
    for last in rows:
        to.write(canonical(last.document()) + "\n")
    return last


def _cell(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
