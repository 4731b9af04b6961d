"""A table of any of the formats -> rows by a contract."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from tabi.contract import Contract, Fault, Scalar
from tabi.serving.messages import Row
from tabi.serving.model import MAX_ROWS, PathOf
from tabi.serving.places import refusal
from tabi.serving.protocols.bodies import refuse


class Table(NamedTuple):
    """Rows, and where in the body each of their values lies."""

    rows: list[Row]
    path: PathOf


def by_rows(contract: Contract, rows: list[Row], columns: Iterable[str], where: str) -> Table:
    """A table whose rows stand one after the other at `where`."""

    def path(fault: Fault) -> str:
        return f"{where}[{fault.row}].{fault.column}" if fault.column else f"{where}[{fault.row}]"

    _check(contract, len(rows), columns, where)
    return Table(rows, path)


def by_columns(contract: Contract, columns: Mapping[str, Sequence[Scalar]], where: str) -> Table:
    """A table whose columns stand one after the other at `where`; all of the same length."""

    def path(fault: Fault) -> str:
        return f"{where}.{fault.column}[{fault.row}]" if fault.column else f"{where}.*[{fault.row}]"

    count = len(next(iter(columns.values()), ()))
    if count > MAX_ROWS:
        refuse(where, "too_many_rows")
    for name, values in columns.items():
        if len(values) != count:
            refuse(f"{where}.{name}", "wrong_length", "the columns differ in length")
    _check(contract, count, columns, where)
    return Table([dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)], path)


def named(contract: Contract, columns: Sequence[str], rows: Sequence[Sequence[Scalar]], where: str) -> Table:
    """Rows of values, and the columns that they are of."""
    if len(rows) > MAX_ROWS:
        refuse(where, "too_many_rows")
    if len(set(columns)) < len(columns):
        twice, _ = Counter(columns).most_common(1)[0]
        refuse(f"{where}.{twice}", "repeated_name", "a column is named twice")
    for index, row in enumerate(rows):
        if len(row) != len(columns):
            refuse(f"{where}[{index}]", "wrong_size")
    return by_rows(contract, [dict(zip(columns, row, strict=True)) for row in rows], columns, where)


def unnamed(contract: Contract, rows: Sequence[Sequence[Scalar]], where: str) -> Table:
    """Rows of numbers in the contract's order. Where not every column is a number, values need their names."""
    if contract.strings:
        refuse(where, "missing_field", "the columns have no names, and not all of them are numbers")
    return named(contract, [column.name for column in contract.columns], rows, where)


def _check(contract: Contract, count: int, columns: Iterable[str], where: str) -> None:
    if not count:
        refuse(where, "missing_field", "there are no rows")
    present = set(columns)
    absent = [(f"{where}.{c.name}", "missing_field") for c in contract.columns if c.name not in present]
    if absent:
        raise refusal("the model has columns that the rows have not", absent)
