"""Rows of the joined table by version, arm, window of time and value of a column."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np

from tabi.contract import CategoricalColumn, Contract, NumericColumn
from tabi.errors import ConfigError
from tabi.monitoring.measures import Labelled
from tabi.monitoring.tables import LogTables

# of a column's values; all others are one
MOST_VALUES = 20
OTHER = "(other)"
MISSING = "(missing)"
_KEPT = "version, arm, label, probability, probabilities, value, target, outcome"


class Group(NamedTuple):
    """`begin`: of the window, ISO 8601 in UTC; "" where time is not cut. `slice`: "" where no column was named."""

    version: str
    arm: str
    begin: str
    slice: str
    rows: int
    labelled: int
    valued: int


class Groups:
    """The groups of one question over a contract."""

    def __init__(self, tables: LogTables, contract: Contract, window: timedelta | None, by: str | None) -> None:
        _ = tables.joins
        self._tables = tables
        self._contract = contract
        width = None if window is None else window.total_seconds()
        start = "CAST(NULL AS DOUBLE)" if width is None else f"floor(time / {width}) * {width}"
        piece = "''" if by is None else _slice_of(tables, contract, by)
        tables.rows(
            f"CREATE OR REPLACE TABLE cut AS SELECT {_KEPT}, {start} AS begin, {piece} AS slice, "  # noqa: S608  numbers and quoted names
            f"{_known(contract)} AS labelled FROM joined"
        )

    def all(self) -> list[Group]:
        """Every group that has a row."""
        found = self._tables.rows(
            "SELECT version, arm, begin, slice, count(*), count(*) FILTER (WHERE labelled), count(outcome) "
            "FROM cut GROUP BY ALL ORDER BY begin, slice, version, arm"
        )
        return [Group(version, arm, _shown(begin), piece, *counts) for version, arm, begin, piece, *counts in found]

    def labelled(self, group: Group) -> Labelled:
        """The labelled rows of a group."""
        classes = list(self._contract.target.classes)
        if self._contract.target.task == "regression":
            found = self._columns("TRY_CAST(target AS DOUBLE) AS true, value AS given", "labelled", group)
            return Labelled(found["true"], found["given"], np.empty(0))
        given = "probability AS p0"
        if len(classes) > 2:
            given = ", ".join(f"probabilities[{place + 1}] AS p{place}" for place in range(len(classes)))
        codes = "list_position($classes, target) - 1 AS true, list_position($classes, label) - 1 AS decided"
        found = self._columns(f"{codes}, {given}", "labelled", group, classes=classes)
        columns = [np.asarray(found[name], dtype=np.float64) for name in found if name.startswith("p")]
        probabilities = columns[0] if len(columns) == 1 else np.column_stack(columns)
        return Labelled(found["true"], probabilities, found["decided"])

    def outcomes(self, group: Group) -> Any:
        """The values of a group's rows that have one."""
        return self._columns("outcome", "outcome IS NOT NULL", group)["outcome"]

    def _columns(self, what: str, where: str, group: Group, **more: object) -> dict[str, Any]:
        begin = "begin IS NULL" if not group.begin else "begin = $begin"
        parameters = {"version": group.version, "arm": group.arm, "slice": group.slice, **more}
        if group.begin:
            parameters["begin"] = datetime.fromisoformat(group.begin).timestamp()
        found = self._tables.columns(
            f"SELECT {what} FROM cut WHERE {where} AND version = $version AND arm = $arm AND slice = $slice "  # noqa: S608
            f"AND {begin}",
            **parameters,
        )
        return {name: np.ma.getdata(values) for name, values in found.items()}


def _known(contract: Contract) -> str:
    """Whether a row has a label and an answer that can be compared."""
    target = contract.target
    if target.task == "regression":
        return "(TRY_CAST(target AS DOUBLE) IS NOT NULL AND value IS NOT NULL)"
    listed = ", ".join(_text(label) for label in target.classes)
    answer = "probability" if target.task == "binary" else "probabilities"
    return f"coalesce(target IN ({listed}) AND label IN ({listed}) AND {answer} IS NOT NULL, false)"


def _slice_of(tables: LogTables, contract: Contract, by: str) -> str:
    """What names the piece that a row belongs to: a category, or a quarter of a column's numbers."""
    names = [column.name for column in contract.columns]
    if by not in names:
        raise ConfigError(f"--by {by[:64]!r} is no column of {contract.name}: there are {', '.join(names)}")
    place = names.index(by)
    column = contract.columns[place]
    value = f"json_extract_string(inputs, '$[{place}]')"
    if isinstance(column, NumericColumn):
        return _quarters(tables, value)
    if not isinstance(column, CategoricalColumn):
        raise ConfigError(f"--by {by!r}: texts are too many to be shown apart; name another column")
    most = tables.rows(
        f"SELECT {value} AS v FROM joined WHERE v <> '' GROUP BY v ORDER BY count(*) DESC, v LIMIT {MOST_VALUES}"  # noqa: S608
    )
    listed = ", ".join(_text(found) for (found,) in most) or "''"
    missing = f"WHEN coalesce({value}, '') = '' THEN '{MISSING}'"
    return f"CASE {missing} WHEN {value} IN ({listed}) THEN {value} ELSE '{OTHER}' END"


def _quarters(tables: LogTables, value: str) -> str:
    number = f"TRY_CAST({value} AS DOUBLE)"
    edges = tables.rows(f"SELECT unnest(quantile_cont({number}, [0.25, 0.5, 0.75])) FROM joined")  # noqa: S608
    kept = sorted({edge for (edge,) in edges if edge is not None})
    cases = " ".join(f"WHEN {number} <= {edge!r} THEN '{i + 1}: up to {edge:g}'" for i, edge in enumerate(kept))
    last = f"'{len(kept) + 1}: above {kept[-1]:g}'" if kept else f"'{OTHER}'"
    return f"CASE WHEN {number} IS NULL THEN '{MISSING}' {cases} ELSE {last} END"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _shown(begin: float | None) -> str:
    return "" if begin is None else datetime.fromtimestamp(begin, UTC).isoformat()
