"""The rows that one version answered, as the prediction log has them, in batches of bounded size."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np

from tabi.contract import MISSING_TEXT, Contract, NumericColumn, TextColumn
from tabi.contract.bins import Floats
from tabi.monitoring.question import Question

BATCH = 20_000

# the same seed draws the same sample of the same log
_SEED = 42
_FIELDS = "time, inputs, label, coalesce(probability, value, list_max(probabilities))"
_OF_VERSION = "FROM predictions WHERE version = $version AND inputs IS NOT NULL"

_decode = msgspec.json.Decoder(list[float | str | None]).decode

Values = Floats | list[str]
"""Of one column: numbers with NaN for missing, or texts with "" for missing. Of free text its lengths."""


class Batch(NamedTuple):
    """Rows. `times`: seconds since 1970. `columns`: by name. `scores`: NaN where the model gave none."""

    times: Floats
    columns: dict[str, Values]
    labels: list[str | None]
    scores: Floats

    def taken(self, rows: Sequence[int] | np.ndarray[Any, Any]) -> Batch:
        """Some of the rows."""
        columns = {
            name: values[rows] if isinstance(values, np.ndarray) else [values[i] for i in rows]
            for name, values in self.columns.items()
        }
        return Batch(self.times[rows], columns, [self.labels[i] for i in rows], self.scores[rows])


def batches(question: Question, contract: Contract) -> Iterator[Batch]:
    """All rows of the version that answers now, in no order."""
    found = question.tables.batches(f"SELECT {_FIELDS} {_OF_VERSION}", BATCH, version=question.bundle.id)
    for rows in found:
        yield _batch(rows, contract, question.hidden)


def sample(question: Question, contract: Contract, most: int) -> Batch:
    """At most so many of those rows, each as likely as another."""
    taken = f"USING SAMPLE reservoir({most:d} ROWS) REPEATABLE ({_SEED})"
    query = f"SELECT {_FIELDS} FROM (SELECT * {_OF_VERSION}) {taken}"  # noqa: S608  our own words
    return _batch(question.tables.rows(query, version=question.bundle.id), contract, question.hidden)


def _batch(rows: Sequence[tuple[Any, ...]], contract: Contract, hidden: Container[str]) -> Batch:
    """`hidden`: columns that are left out, since the log has not their values."""
    inputs = [_decode(row[1]) for row in rows]
    columns: dict[str, Values] = {}
    # a line of another contract, which no server writes, is not of these columns
    whole = [index for index, values in enumerate(inputs) if len(values) == len(contract.columns)]
    for place, column in enumerate(contract.columns):
        if column.name in hidden:
            continue
        values = [inputs[index][place] for index in whole]
        if isinstance(column, NumericColumn):
            columns[column.name] = np.array([v if isinstance(v, float) else np.nan for v in values], dtype=np.float64)
        elif isinstance(column, TextColumn):
            columns[column.name] = np.array([len(v) if isinstance(v, str) and v else np.nan for v in values])
        else:
            columns[column.name] = [v if isinstance(v, str) else MISSING_TEXT for v in values]
    scores = np.array([np.nan if rows[index][3] is None else rows[index][3] for index in whole], dtype=np.float64)
    times = np.array([rows[index][0] for index in whole], dtype=np.float64)
    return Batch(times, columns, [rows[index][2] for index in whole], scores)
