"""Rows against the contract, by pandera. What is found is told by column, rule and row numbers, never by value."""

from __future__ import annotations

import warnings
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from tabi.contract import CategoricalColumn, Column, Contract, NumericColumn, TextColumn, number_of
from tabi.data.cells import cells_of
from tabi.data.frame import finite_numbers, texts
from tabi.data.rows import StoredRows
from tabi.data.stored import stored_frame
from tabi.project import ProjectConfig

if TYPE_CHECKING:
    import pandera.pandas as pa

# True for each row of a column that keeps a rule
Test = Callable[[pd.Series], pd.Series]

EXAMPLES = 5
# pandera's name for its own check
RULES = {"not_nullable": "missing"}
# in which the broken rules of a column are told
ORDER = ("missing", "not_a_number", "not_finite", "below_minimum", "above_maximum", "unknown_category", "not_unique")


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that `count` rows break in one column. `examples`: the first row numbers, counted from 0."""

    column: str
    rule: str
    count: int
    examples: tuple[int, ...]


def check_rows(raw: pd.DataFrame | StoredRows, contract: Contract, config: ProjectConfig) -> list[Violation]:
    """Every rule of the contract that rows break, in the contract's order of columns, the target last.

    A batch of rows is held at a time, and of a column that must be unique eight bytes a row.
    """
    rows = raw if isinstance(raw, StoredRows) else StoredRows.of_frame(stored_frame(raw))
    checks = {column.name: _schema_of(column) for column in contract.columns}
    checks[contract.target.name] = _schema_of_target(contract)
    found: dict[tuple[str, str], list[int]] = {}
    counts: Counter[tuple[str, str]] = Counter()
    start = 0
    for frame in rows.read([name for name in checks if name in rows.texts]):
        # a column that the rows lack is missing in every row
        for key, places in _broken_rules(frame.reset_index(drop=True).reindex(columns=list(checks)), checks).items():
            counts[key] += len(places)
            found[key] = [*found.get(key, []), *(start + place for place in sorted(places))][:EXAMPLES]
        start += len(frame)
    for name in (c.name for c in contract.columns if c.name in config.columns and config.columns[c.name].unique):
        if name in rows.texts and len(repeated := _repeated(rows, name)):
            counts[name, "not_unique"], found[name, "not_unique"] = len(repeated), repeated[:EXAMPLES].tolist()
    violations = [Violation(*key, counts[key], tuple(examples)) for key, examples in found.items()]
    return sorted(violations, key=lambda v: (list(checks).index(v.column), ORDER.index(v.rule)))


def _broken_rules(rows: pd.DataFrame, checks: dict[str, pa.Column]) -> dict[tuple[str, str], list[int]]:
    """The rows that break a rule, by column and rule."""
    import pandera.pandas as pa

    try:
        with warnings.catch_warnings():
            # pandera's table of what it found mixes columns in a way that pandas will change
            warnings.simplefilter("ignore", FutureWarning)
            pa.DataFrameSchema(checks).validate(rows, lazy=True)
    except pa.errors.SchemaErrors as error:
        cases, broken = error.failure_cases, defaultdict(list)
        for column, rule, row in zip(cases["column"], cases["check"], cases["index"], strict=True):
            broken[column, RULES.get(rule, rule)].append(int(row))
        return broken
    return {}


def _repeated(rows: StoredRows, name: str) -> npt.NDArray[np.intp]:
    """The rows whose value another row of the column has too."""
    hashes = np.concatenate([pd.util.hash_array(frame[name].to_numpy()) for frame in rows.read([name])])
    _, places, counts = np.unique(hashes, return_inverse=True, return_counts=True)
    return np.flatnonzero(counts[places] > 1)


def _schema_of(column: Column) -> pa.Column:
    import pandera.pandas as pa

    tests = _numeric_tests(column) if isinstance(column, NumericColumn) else _string_tests(column)
    checks = [pa.Check(test, name=rule, ignore_na=True) for rule, test in tests.items()]
    return pa.Column(checks=checks, nullable=column.nullable)


def _schema_of_target(contract: Contract) -> pa.Column:
    import pandera.pandas as pa

    tests = _numeric_tests(NumericColumn(contract.target.name)) if contract.target.task == "regression" else {}
    return pa.Column(checks=[pa.Check(test, name=rule, ignore_na=True) for rule, test in tests.items()], nullable=False)


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
    if isinstance(series.dtype, np.dtype) and series.dtype.kind == "f":
        return pd.Series(np.isinf(series.to_numpy()) & (rule == "not_finite"), series.index)
    return pd.Series([number_of(cell)[1] == rule for cell in cells_of(series)], series.index)
