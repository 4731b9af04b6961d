"""Rows and the project's configuration -> the contract.

A column without any value is numeric, a column with one value is kept: both are legal, and say so in their
reference distribution. What the project's configuration says goes before what the rows show.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import pandas as pd
from msgspec import UNSET, UnsetType

from tabi.contract import (
    MISSING_TEXT,
    CategoricalColumn,
    CategoricalReference,
    Column,
    Contract,
    NumericColumn,
    TextColumn,
)
from tabi.contract.columns import Logged
from tabi.data.columns import counted, counts_of, reference_of_lengths, reference_of_numbers
from tabi.data.kinds import CATEGORIES_AT_MOST, kind_of, too_many
from tabi.data.rows import StoredRows
from tabi.data.stored import stored_frame
from tabi.data.targets import target_of
from tabi.errors import ConfigError, DataError
from tabi.project import ColumnConfig, ProjectConfig
from tabi.project.config import Kind
from tabi.project.log import LogInputs


def infer_contract(raw: pd.DataFrame | StoredRows, config: ProjectConfig) -> Contract:
    """The contract of the rows, of which a batch is held at a time.

    Deterministic: equal rows and configuration give an equal contract, whatever the batches.
    `ConfigError` if the configuration names what is not there or contradicts itself; `DataError` if the rows have no
    such target, a target that does not fit its task, no other column, or a column whose kind nobody can tell.
    """
    rows = raw if isinstance(raw, StoredRows) else StoredRows.of_frame(stored_frame(raw))
    if config.target not in rows.texts:
        raise DataError(f"the rows have no target column {config.target!r}{_nearest(config.target, rows.texts)}")
    features = [name for name in rows.texts if name != config.target]
    for name in (*config.drop, *config.columns):
        _refuse_unknown(name, features, config.target)
    kept = [name for name in features if name not in set(config.drop)]
    if not kept:
        raise DataError("no column is left beside the target: drop fewer columns")
    return Contract(
        name=config.name,
        columns=tuple(_column(rows, name, _described(config, name)) for name in kept),
        target=target_of(rows, config),
        strict=config.strict,
    )


def _described(config: ProjectConfig, name: str) -> ColumnConfig:
    """What the project says of a column, and of all."""
    found = config.columns.get(name, ColumnConfig())
    return replace(found, log=found.log or config.log.inputs)


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


def _column(rows: StoredRows, name: str, config: ColumnConfig) -> Column:
    kind = kind_of(rows, name, config)
    _refuse_contradiction(name, kind, config)
    nullable = config.nullable is not False
    if kind is Kind.numeric:
        return NumericColumn(
            name, nullable, config.minimum, config.maximum, reference_of_numbers(rows, name), _logged(config)
        )
    if kind is Kind.text:
        return TextColumn(name, nullable, reference_of_lengths(rows, name), _logged(config))
    return _categorical(rows, name, config)


def _refuse_contradiction(name: str, kind: Kind, config: ColumnConfig) -> None:
    lower, upper = config.minimum, config.maximum
    if kind is not Kind.numeric and (lower is not None or upper is not None):
        raise ConfigError(f"column {name!r} is {kind.name} and cannot have a minimum or maximum")
    if kind is not Kind.categorical and (config.categories or config.closed):
        raise ConfigError(f"column {name!r} is {kind.name} and cannot have categories: set its kind to categorical")
    if lower is not None and upper is not None and lower > upper:
        raise ConfigError(f"column {name!r} has a minimum above its maximum")


def _categorical(rows: StoredRows, name: str, config: ColumnConfig) -> CategoricalColumn:
    missing = other = 0
    listed = tuple(dict.fromkeys(config.categories)) if config.categories else None
    if listed is None:
        counts = counted(counts_of(rows, name), CATEGORIES_AT_MOST)
        if counts is None:
            raise too_many(name)
        missing = rows.count - counts.total()
    else:
        counts = Counter(dict.fromkeys(listed, 0))
        for batch in counts_of(rows, name):
            missing += batch.pop(MISSING_TEXT, 0)
            counts.update({category: batch.pop(category, 0) for category in listed})
            other += batch.total()
    categories = tuple(sorted(counts)) if listed is None else listed
    return CategoricalColumn(
        name=name,
        categories=categories,
        nullable=config.nullable is not False,
        closed=config.closed,
        reference=CategoricalReference(tuple(counts[category] for category in categories), other, missing),
        logged=_logged(config),
    )


def _logged(config: ColumnConfig) -> Logged | UnsetType:
    """What the log keeps: where that is all, nothing is said."""
    log = config.log
    if log is LogInputs.hashed:
        return "hashed"
    return "none" if log is LogInputs.none else UNSET
