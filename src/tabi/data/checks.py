"""Rows against the contract, by pandera. What is found is told by column, rule and row numbers, never by value."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from tabi.contract import CategoricalColumn, Column, Contract, NumericColumn, TextColumn, number_of
from tabi.data.cells import cells_of
from tabi.data.frame import finite_numbers, texts
from tabi.data.stored import stored_frame
from tabi.project import ColumnConfig, ProjectConfig

if TYPE_CHECKING:
    import pandera.pandas as pa

# True for each row of a column that keeps a rule
Test = Callable[[pd.Series], pd.Series]

EXAMPLES = 5
# pandera's names for its own two checks
RULES = {"not_nullable": "missing", "field_uniqueness": "not_unique"}


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that `count` rows break in one column. `examples`: the first row numbers, counted from 0."""

    column: str
    rule: str
    count: int
    examples: tuple[int, ...]


def check_rows(raw: pd.DataFrame, contract: Contract, config: ProjectConfig) -> list[Violation]:
    """Every rule of the contract that rows break, in the contract's order of columns, the target last."""
    import pandera.pandas as pa

    checks = {column.name: _schema_of(column, config.columns.get(column.name)) for column in contract.columns}
    checks[contract.target.name] = pa.Column(nullable=False)
    # a column that the rows lack is missing in every row
    rows = stored_frame(raw).reindex(columns=list(checks))
    try:
        with warnings.catch_warnings():
            # pandera's table of what it found mixes columns in a way that pandas will change
            warnings.simplefilter("ignore", FutureWarning)
            pa.DataFrameSchema(checks).validate(rows, lazy=True)
    except pa.errors.SchemaErrors as error:
        return _violations(error.failure_cases, list(checks))
    return []


def _schema_of(column: Column, config: ColumnConfig | None) -> pa.Column:
    import pandera.pandas as pa

    tests = _numeric_tests(column) if isinstance(column, NumericColumn) else _string_tests(column)
    checks = [pa.Check(test, name=rule, ignore_na=True) for rule, test in tests.items()]
    return pa.Column(checks=checks, nullable=column.nullable, unique=config is not None and config.unique)


def _numeric_tests(column: NumericColumn) -> dict[str, Test]:
    tests: dict[str, Test] = {
        "not_a_number": lambda series: ~_broken(series, "not_a_number"),
        "not_finite": lambda series: ~_broken(series, "not_finite"),
    }
    # a comparison with NaN is false: what is no finite number breaks no bound
    if (minimum := column.minimum) is not None:
        tests["below_minimum"] = lambda series: ~(_numbers(series) < minimum)
    if (maximum := column.maximum) is not None:
        tests["above_maximum"] = lambda series: ~(_numbers(series) > maximum)
    return tests


def _string_tests(column: CategoricalColumn | TextColumn) -> dict[str, Test]:
    if isinstance(column, TextColumn) or not column.closed:
        return {}
    known = frozenset(column.categories)
    return {"unknown_category": lambda series: pd.Series([t in known for t in texts(series)], series.index)}


def _numbers(series: pd.Series) -> pd.Series:
    return pd.Series(finite_numbers(series), series.index)


def _broken(series: pd.Series, rule: str) -> pd.Series:
    return pd.Series([number_of(cell)[1] == rule for cell in cells_of(series)], series.index)


def _violations(cases: pd.DataFrame, columns: list[str]) -> list[Violation]:
    rows: dict[tuple[str, str], list[int]] = {}
    for column, rule, row in zip(cases["column"], cases["check"], cases["index"], strict=True):
        rows.setdefault((column, RULES.get(rule, rule)), []).append(int(row))
    found = [Violation(*key, len(numbers), tuple(sorted(numbers)[:EXAMPLES])) for key, numbers in rows.items()]
    return sorted(found, key=lambda violation: columns.index(violation.column))
