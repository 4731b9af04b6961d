"""What is said of rows that no rule forbids, and that a person should know before a model is made of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from tabi.contract import CategoricalColumn, Contract
from tabi.data.rows import StoredRows
from tabi.data.sample import hashes_of
from tabi.data.targets import task_line
from tabi.project import ProjectConfig

Rule = Literal["task", "unlabelled", "constant", "all_missing", "row_names", "duplicate_rows"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`rule` is what was found, in `column` where it is one's own; `text` says it and what becomes of it."""

    rule: Rule
    column: str | None
    text: str


@dataclass
class _Seen:
    """What one pass over the rows saw: the ends of each column of numbers, one hash a row, rows without a target."""

    lowest: dict[str, float] = field(default_factory=dict)
    highest: dict[str, float] = field(default_factory=dict)
    hashes: list[npt.NDArray[np.uint64]] = field(default_factory=list)
    unlabelled: int = 0


def findings_of(rows: StoredRows, contract: Contract, config: ProjectConfig) -> list[Finding]:
    """The findings, those of the whole table first, then those of columns in the contract's order."""
    seen = _seen(rows, contract)
    found = [_task(contract, config)]
    if seen.unlabelled:
        name = contract.target.name
        text = f"{seen.unlabelled:,} rows have no usable value in the target {name!r}: training leaves them out"
        found.append(Finding("unlabelled", name, text))
    again = _repeats(seen)
    if again:
        found.append(
            Finding("duplicate_rows", None, f"{again:,} rows repeat an earlier row in every column: they are kept")
        )
    for column in contract.columns:
        finding = _of_column(column.name, rows, contract, seen)
        if finding:
            found.append(Finding(finding[0], column.name, f"column {column.name!r} {finding[1]}"))
    return found


def labelled(frame: pd.DataFrame, contract: Contract) -> npt.NDArray[np.bool_]:
    """Which rows of a stored frame have a target: any value for a class, any but infinity for a quantity."""
    target = frame[contract.target.name]
    present = target.notna().to_numpy()
    if contract.target.task == "regression" and target.dtype != object:
        return np.asarray(present & np.isfinite(target.to_numpy(dtype=np.float64)))
    return np.asarray(present)


def _repeats(seen: _Seen) -> int:
    hashes = np.concatenate(seen.hashes)
    # of many rows each copy counts
    seen.hashes.clear()
    hashes.sort()
    return int((hashes[1:] == hashes[:-1]).sum())


def _seen(rows: StoredRows, contract: Contract) -> _Seen:
    seen = _Seen()
    for frame in rows.frames():
        seen.hashes.append(hashes_of(frame))
        seen.unlabelled += int((~labelled(frame, contract)).sum())
        for name in (name for name, text in rows.texts.items() if not text):
            numbers = frame[name].to_numpy(dtype=np.float64)
            present = numbers[~np.isnan(numbers)]
            if present.size:
                seen.lowest[name] = min(present.min(), seen.lowest.get(name, np.inf))
                seen.highest[name] = max(present.max(), seen.highest.get(name, -np.inf))
    return seen


def _task(contract: Contract, config: ProjectConfig) -> Finding:
    return Finding("task", contract.target.name, task_line(contract.target, config))


def _of_column(name: str, rows: StoredRows, contract: Contract, seen: _Seen) -> tuple[Rule, str] | None:
    column = next(c for c in contract.columns if c.name == name)
    reference = column.reference
    assert reference is not None  # noqa: S101 - an inferred contract has all references
    if reference.missing == rows.count:
        return "all_missing", "has no value: a model learns nothing from it, drop it or mend the source"
    numbers = name in seen.lowest
    held = sum(count > 0 for count in reference.counts)
    constant = (
        seen.lowest[name] == seen.highest[name] if numbers else isinstance(column, CategoricalColumn) and held == 1
    )
    if constant and not reference.missing:
        return "constant", "has one value in all rows: a model learns nothing from it, drop it"
    if isinstance(column, CategoricalColumn) and rows.count > 2 and held == rows.count:
        return "row_names", "has another category in each row: if it names rows, drop it"
    return None
