"""Rows and the project's configuration -> the contract.

A column without any value is numeric, a column with one value is kept: both are legal, and say so in their
reference distribution. What the project's configuration says goes before what the rows show.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable

import numpy as np
import pandas as pd

from tabi.contract import (
    MISSING_TEXT,
    CategoricalColumn,
    CategoricalReference,
    Column,
    Contract,
    NumericColumn,
    NumericReference,
    Target,
    Task,
    TextColumn,
)
from tabi.data.frame import finite_numbers, texts
from tabi.data.stored import is_text, stored_frame
from tabi.errors import ConfigError, DataError
from tabi.project import ColumnConfig, ProjectConfig
from tabi.project.config import Kind, TaskKind

CATEGORIES_AT_MOST = 10_000
TASKS: dict[TaskKind, Task] = {
    TaskKind.binary: "binary",
    TaskKind.multiclass: "multiclass",
    TaskKind.regression: "regression",
}
# a target of whole numbers with more values is a quantity
CLASSES_AT_MOST = 20
# mean characters of a text that is no category
PROSE_LENGTH = 20
BINS = 11


def infer_contract(raw: pd.DataFrame, config: ProjectConfig) -> Contract:
    """The contract of the rows. Deterministic: equal rows and configuration give an equal contract.

    `ConfigError` if the configuration names what is not there or contradicts itself; `DataError` if the rows have no
    such target, classes that do not fit its task, no other column, or a column with too many categories.
    """
    stored = stored_frame(raw)
    if config.target not in stored.columns:
        raise DataError(f"the rows have no target column {config.target!r}{_nearest(config.target, stored.columns)}")
    features = [str(name) for name in stored.columns if name != config.target]
    for name in (*config.drop, *config.columns):
        _refuse_unknown(name, features, config.target)
    kept = [name for name in features if name not in set(config.drop)]
    if not kept:
        raise DataError("no column is left beside the target: drop fewer columns")
    return Contract(
        name=config.name,
        columns=tuple(_column(name, stored[name], config.columns.get(name, ColumnConfig())) for name in kept),
        target=_target(stored[config.target], config),
        strict=config.strict,
    )


def _refuse_unknown(name: str, features: list[str], target: str) -> None:
    if name == target:
        raise ConfigError(f"column {name!r} is the target: it can be neither dropped nor described under `columns`")
    if name not in features:
        raise ConfigError(
            f"the configuration names a column {name!r} that the rows do not have{_nearest(name, features)}"
        )


def _nearest(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), 1, 0.5)
    return f"; did you mean {close[0]!r}?" if close else ""


def _target(series: pd.Series, config: ProjectConfig) -> Target:
    counts = Counter(texts(series))
    del counts[MISSING_TEXT]
    task = TASKS[config.task] if config.task else _task_of(series, len(counts))
    if config.positive is not None and task != "binary":
        raise ConfigError(f"positive: only a binary target has a positive class, and {config.target!r} is {task}")
    if task == "regression":
        return Target(name=config.target, task=task, reference=numeric_reference(series))
    if len(counts) < 2 or (task == "binary" and len(counts) > 2) or (task == "multiclass" and len(counts) < 3):
        asked = "exactly two" if task == "binary" else "two or more" if len(counts) < 2 else "three or more"
        raise DataError(f"the target {config.target!r} has {len(counts)} classes: a {task} task needs {asked}")
    if task == "multiclass":
        return Target(name=config.target, classes=tuple(sorted(counts)), task=task)
    return Target(name=config.target, classes=_two_classes(counts, config))


def _task_of(series: pd.Series, values: int) -> Task:
    """Two values are two classes; more of them are numbers where they are not whole, or are many."""
    if values <= 2:
        return "binary"
    numbers = finite_numbers(series)
    if is_text(series) or (values <= CLASSES_AT_MOST and np.all(numbers[~np.isnan(numbers)] % 1 == 0)):
        return "multiclass"
    return "regression"


def _two_classes(counts: Counter[str], config: ProjectConfig) -> tuple[str, str]:
    if config.positive is not None and config.positive not in counts:
        raise ConfigError(f"positive: {config.positive!r} is no class of {config.target!r}; write one as its rows do")
    # the rarer class; of two equally frequent ones the last in sort order
    rarer = min(sorted(counts, reverse=True), key=counts.__getitem__)
    positive = config.positive or rarer
    return next(label for label in counts if label != positive), positive


def _column(name: str, series: pd.Series, config: ColumnConfig) -> Column:
    kind = config.kind or _kind_of(series, config)
    _refuse_contradiction(name, kind, config)
    if kind is Kind.numeric:
        return _numeric(name, series, config)
    return _text(name, series, config) if kind is Kind.text else _categorical(name, series, config)


def _kind_of(series: pd.Series, config: ColumnConfig) -> Kind:
    if config.categories:
        return Kind.categorical
    if not is_text(series):
        return Kind.numeric
    return Kind.text if not config.closed and _is_prose(texts(series)) else Kind.categorical


def _is_prose(values: list[str]) -> bool:
    """Whether texts are sentences and no names of groups: long, and hardly one like another."""
    present = [value for value in values if value != MISSING_TEXT]
    distinct = set(present)
    return len(distinct) > len(present) / 2 and sum(map(len, distinct)) >= PROSE_LENGTH * len(distinct)


def _refuse_contradiction(name: str, kind: Kind, config: ColumnConfig) -> None:
    lower, upper = config.minimum, config.maximum
    if kind is not Kind.numeric and (lower is not None or upper is not None):
        raise ConfigError(f"column {name!r} is {kind.name} and cannot have a minimum or maximum")
    if kind is not Kind.categorical and (config.categories or config.closed):
        raise ConfigError(f"column {name!r} is {kind.name} and cannot have categories: set its kind to categorical")
    if lower is not None and upper is not None and lower > upper:
        raise ConfigError(f"column {name!r} has a minimum above its maximum")


def _numeric(name: str, series: pd.Series, config: ColumnConfig) -> NumericColumn:
    return NumericColumn(
        name=name,
        nullable=config.nullable is not False,
        minimum=config.minimum,
        maximum=config.maximum,
        reference=numeric_reference(series),
    )


def _text(name: str, series: pd.Series, config: ColumnConfig) -> TextColumn:
    # a missing text has no length
    lengths = pd.Series([len(value) or np.nan for value in texts(series)], dtype=np.float64)
    return TextColumn(name=name, nullable=config.nullable is not False, reference=numeric_reference(lengths))


def numeric_reference(series: pd.Series) -> NumericReference:
    """Bins of about equally many rows. The edges are values that occur; equal ones are one edge."""
    numbers = finite_numbers(series)
    present = numbers[~np.isnan(numbers)]
    shares = np.linspace(0, 1, BINS + 1)[1:-1]
    edges = np.unique(np.quantile(present, shares, method="inverted_cdf")) if present.size else np.empty(0)
    # side="left" puts x into the bin with edges[i-1] < x <= edges[i]
    counts = np.bincount(np.searchsorted(edges, present, side="left"), minlength=len(edges) + 1)
    return NumericReference(tuple(edges.tolist()), tuple(counts.tolist()), len(numbers) - len(present))


def _categorical(name: str, series: pd.Series, config: ColumnConfig) -> CategoricalColumn:
    counts = Counter(texts(series))
    missing = counts.pop(MISSING_TEXT, 0)
    categories = tuple(dict.fromkeys(config.categories)) if config.categories else tuple(sorted(counts))
    if len(categories) > CATEGORIES_AT_MOST:
        raise DataError(
            f"column {name!r} has {len(categories)} categories, more than {CATEGORIES_AT_MOST}: "
            "if it names rows rather than groups, add it to `drop`"
        )
    known = tuple(counts[category] for category in categories)
    return CategoricalColumn(
        name=name,
        categories=categories,
        nullable=config.nullable is not False,
        closed=config.closed,
        reference=CategoricalReference(known, counts.total() - sum(known), missing),
    )
