"""The target of stored rows: its task, which its values tell, and its classes."""

from __future__ import annotations

from collections import Counter

import numpy as np

from tabi.contract import Target, Task
from tabi.data.columns import counted, counts_of, numbers_of, reference_of_numbers
from tabi.data.kinds import Survey, survey_of
from tabi.data.rows import StoredRows
from tabi.errors import ConfigError, DataError
from tabi.project import ProjectConfig
from tabi.project.config import TaskKind

TASKS: dict[TaskKind, Task] = {
    TaskKind.binary: "binary",
    TaskKind.multiclass: "multiclass",
    TaskKind.regression: "regression",
}
# a target of whole numbers with more values is a quantity
CLASSES_AT_MOST = 20
# more classes than these are names of rows
LABELS_AT_MOST = 1_000


def target_of(rows: StoredRows, config: ProjectConfig) -> Target:
    """The target. `DataError` if its values do not fit its task, `ConfigError` if the configuration does not."""
    task = TASKS[config.task] if config.task else task_of(rows, config.target)
    if config.positive is not None and task != "binary":
        raise ConfigError(f"positive: only a binary target has a positive class, and {config.target!r} is {task}")
    if task == "regression":
        return _quantity(rows, config.target)
    counts = counted(counts_of(rows, config.target), LABELS_AT_MOST)
    if counts is None:
        raise DataError(
            f"the target {config.target!r} has more than {LABELS_AT_MOST} classes: name another column, or set "
            "`task: regression` if it is a quantity"
        )
    if len(counts) < 2 or (task == "binary" and len(counts) > 2) or (task == "multiclass" and len(counts) < 3):
        asked = "exactly two" if task == "binary" else "two or more" if len(counts) < 2 else "three or more"
        raise DataError(f"the target {config.target!r} has {len(counts)} classes: a {task} task needs {asked}")
    if task == "multiclass":
        return Target(name=config.target, classes=tuple(sorted(counts)), task=task)
    return Target(name=config.target, classes=_two_classes(counts, config))


def task_line(target: Target, config: ProjectConfig) -> str:
    """Which task is taken up, why, and what to do if another was meant."""
    others = " or ".join(f"task={kind.value}" for kind in TaskKind if kind.value != target.task)
    what = f"one of {len(target.classes)} classes" if target.classes else "a number"
    why = f"inferred from its values; {others} overrules it" if config.task is None else "as the configuration says"
    return f"task {target.task}: {target.name!r} is {what}, {why}"


def task_of(rows: StoredRows, name: str) -> Task:
    """Two values are two classes; more of them are a quantity where they are numbers not whole, or are many.

    `DataError` for dates, and for numbers with texts among them: a person has to say what they are.
    """
    if rows.texts[name]:
        if counted(counts_of(rows, name), 2) is not None:
            return "binary"
        _refuse_undecided(name, survey_of(rows, name))
        return "multiclass"
    values: set[float] = set()
    for batch in rows.numbers(name):
        values.update(np.unique(batch[~np.isnan(batch)]).tolist())
        if len(values) > CLASSES_AT_MOST:
            return "regression"
    if len(values) <= 2:
        return "binary"
    return "multiclass" if all(value.is_integer() for value in values) else "regression"


def _refuse_undecided(name: str, survey: Survey) -> None:
    if survey.are_mixed:
        raise DataError(
            f"the target {name!r} holds numbers, and texts in {survey.present - survey.numbers} rows: mend or empty "
            "them in the source, or set `task: multiclass` if each number is a class"
        )
    if survey.are_dates:
        raise DataError(
            f"the target {name!r} holds dates: write a number or a class of it in the source, or set "
            "`task: multiclass` if each date is a class"
        )


def _quantity(rows: StoredRows, name: str) -> Target:
    reference = reference_of_numbers(rows, name)
    finite = [batch[np.isfinite(batch)] for batch in (np.unique(batch) for batch in numbers_of(rows, name))]
    ends = {float(end) for batch in finite if batch.size for end in (batch[0], batch[-1])}
    if len(ends) < 2:
        raise DataError(f"the target {name!r} has {len(ends)} different numbers: a regression needs two or more")
    return Target(name=name, task="regression", reference=reference)


def _two_classes(counts: Counter[str], config: ProjectConfig) -> tuple[str, str]:
    if config.positive is not None and config.positive not in counts:
        raise ConfigError(f"positive: {config.positive!r} is no class of {config.target!r}; write one as its rows do")
    # the rarer class; of two equally frequent ones the last in sort order
    rarer = min(sorted(counts, reverse=True), key=counts.__getitem__)
    positive = config.positive or rarer
    return next(label for label in counts if label != positive), positive
