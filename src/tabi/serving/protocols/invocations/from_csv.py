"""`text/csv` -> a table."""

from __future__ import annotations

import csv
import io
from itertools import islice

from tabi.contract import Contract
from tabi.serving.model import MAX_ROWS
from tabi.serving.protocols.bodies import refuse
from tabi.serving.protocols.invocations.table import Table, named

# what pandas, and so MLflow, reads as a missing value
MISSING = frozenset(
    [
        "#N/A",
        "#N/A N/A",
        "#NA",
        "-1.#IND",
        "-1.#QNAN",
        "-NaN",
        "-nan",
        "1.#IND",
        "1.#QNAN",
        "<NA>",
        "N/A",
        "NA",
        "NULL",
        "NaN",
        "None",
        "n/a",
        "nan",
        "null",
    ]
)
WHERE = "rows"


def read(contract: Contract, data: bytes, *, header: bool) -> Table:
    """The rows of a CSV file, `header` or not its first line; without one, all columns in the contract's order.

    A word for a missing value is one, unless it is among the categories of its column.
    """
    lines = _lines(data)
    if header:
        names = lines[0] if lines else []
        lines = lines[1:]
    else:
        names = [column.name for column in contract.columns]
    if len(lines) > MAX_ROWS:
        refuse(WHERE, "too_many_rows")
    categories = {column.name: frozenset(column.categories) for column in contract.categorical}
    words = [MISSING - categories[name] if name in categories else MISSING for name in names]
    rows = [
        [None if value in missing else value for value, missing in zip(line, words, strict=True)]
        if len(line) == len(words)
        else line
        for line in lines
    ]
    return named(contract, names, rows, WHERE)


def _lines(data: bytes) -> list[list[str]]:
    """The lines that are not blank: as many as a request may have, and one more."""
    try:
        text = str(data, "utf-8-sig")
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        return list(islice((line for line in reader if line), MAX_ROWS + 2))
    except (UnicodeDecodeError, csv.Error):
        refuse("$", "not_csv", "the body is not CSV")
