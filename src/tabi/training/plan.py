"""How a training is judged: what its task is, and by which rule rows are kept from it to be predicted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.model_selection import BaseCrossValidator

from tabi.contract import Target
from tabi.data import Table
from tabi.errors import ConfigError, DataError
from tabi.project import SearchConfig, SplitConfig
from tabi.project.config import SplitKind
from tabi.training.rules import RULES, Keyed, Rule
from tabi.training.split import Cut, Folds, Indices, Labels, nested_subsamples
from tabi.training.tasks import BINARY, TASKS, Task


@dataclass(frozen=True)
class Plan:
    """The task and the rule of a training over some rows, and by what those rows are ordered or grouped.

    Every method takes the target `y` of exactly these rows.
    """

    task: Task = BINARY
    rule: Rule = RULES[SplitKind.random]
    by: npt.NDArray[np.int64] | None = field(default=None, repr=False)

    def take(self, rows: Indices) -> Plan:
        """The plan of some of the rows."""
        return self if self.by is None else replace(self, by=self.by[rows])

    def cut(self, y: Labels, config: SplitConfig) -> Cut:
        """The training rows and the test rows."""
        return self.rule.cut(self._keyed(y), config)

    def folds(self, y: Labels, count: int, seed: int) -> Folds:
        """The training rows and the validation rows of each fold."""
        return self.rule.folds(self._keyed(y), count, seed)

    def calibrator(self, y: Labels, folds: int, seed: int) -> BaseCrossValidator:
        """The folds in which probabilities are calibrated. `ConfigError` where there are no probabilities."""
        if not self.task.classified:
            raise ConfigError("calibration.method: a number is no probability to calibrate; leave it at none")
        return self.rule.calibrator(self._keyed(y), folds, seed)

    def subsamples(self, y: Labels, sizes: Sequence[int], seed: int) -> list[Indices]:
        """Nested subsamples of these sizes, which are then cut into folds by the same rule."""
        return nested_subsamples(y, sizes, seed, classified=self.task.classified)

    def smallest(self, y: Labels, config: SearchConfig) -> int:
        """Rows of the smallest rung: see `Task.rows_needed`.

        `search.min_resources` may raise it. Raises `ConfigError` where it would lower it.
        """
        needed = min(math.ceil(self.task.rows_needed(y, self.rule.parts(config.folds))), len(y))
        if config.min_resources is None:
            return needed
        if config.min_resources < needed:
            lacks = "with a single class" if self.task.classified else "with too few rows to score"
            raise ConfigError(
                f"search.min_resources={config.min_resources} could leave a fold {lacks}: "
                f"use {needed} or more, or leave it out"
            )
        return min(config.min_resources, len(y))

    def _keyed(self, y: Labels) -> Keyed:
        return Keyed(y, self.task.classified, self.by)


TWO_CLASSES_AT_RANDOM = Plan()


def plan_of(table: Table, config: SplitConfig) -> Plan:
    """The plan of a table under `split`.

    Raises `ConfigError` or `DataError` for a column that is not there or can neither order nor group the rows.
    """
    task = task_of(table.contract.target)
    if config.kind is SplitKind.random:
        return Plan(task)
    if table.by is None:
        raise ConfigError(f"split.kind={config.kind.name} needs split.column: name the column of its values")
    values = _times(table.by) if config.kind is SplitKind.time else table.by
    return Plan(task, RULES[config.kind], _codes(values, config))


def cut_table(table: Table, config: SplitConfig) -> Cut:
    """The training rows and the test rows of a table."""
    return plan_of(table, config).cut(table.y, config)


def task_of(target: Target) -> Task:
    """What is done for this target in its own way."""
    return TASKS[target.task]


def _codes(values: pd.Series, config: SplitConfig) -> npt.NDArray[np.int64]:
    """Equal values get equal numbers, which ascend with them."""
    missing = int(values.isna().sum())
    if missing:
        raise DataError(
            f"{missing} rows have no value in split.column {config.column!r}: fill it or leave those rows out"
        )
    return np.unique(values.to_numpy(), return_inverse=True)[1].astype(np.int64)


def _times(values: pd.Series) -> pd.Series:
    """Moments as numbers. Texts must be ISO 8601: others would be ordered by their letters, not by time."""
    if values.dtype != object:
        return values
    try:
        return pd.to_datetime(values, format="ISO8601", utc=True).dt.tz_localize(None)
    except ValueError as error:
        raise DataError(
            f"split.column {values.name!r} holds texts that are no times: write them as 2024-05-31 or "
            "2024-05-31T12:00:00, or as numbers"
        ) from error
