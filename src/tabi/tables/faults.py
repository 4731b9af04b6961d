"""The faults of a table, held by column as numbers: a million of them cost megabytes, not objects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple, overload

import numpy as np
import numpy.typing as npt

from tabi.contract import Fault
from tabi.contract.values import Rule

Codes = npt.NDArray[np.int8]

# a rule by its code; 0 is no fault
RULES: tuple[Rule | None, ...] = (
    None,
    "missing",
    "not_a_number",
    "not_finite",
    "below_minimum",
    "above_maximum",
    "unknown_category",
)
CODES: dict[Rule | None, int] = {rule: code for code, rule in enumerate(RULES)}


class Kind(NamedTuple):
    """A column and the rule that it breaks."""

    column: str
    rule: Rule


class Faults(Sequence[Fault]):
    """The faults of `count` rows, in order of row; a fault is made when it is asked for.

    `rows` and `kinds_of_rows`: for each fault that not every row has, its row (ascending) and its index in `kinds`.
    `unknown`: columns that the contract does not have; each is one more fault of every row, after its others.
    """

    def __init__(
        self,
        count: int,
        kinds: Sequence[Kind] = (),
        rows: npt.NDArray[np.int64] | None = None,
        kinds_of_rows: npt.NDArray[np.int32] | None = None,
        unknown: Sequence[str] = (),
    ) -> None:
        self.kinds = tuple(kinds)
        self.rows = np.empty(0, np.int64) if rows is None else rows
        self.kinds_of_rows = np.empty(0, np.int32) if kinds_of_rows is None else kinds_of_rows
        self.unknown = tuple(unknown)
        self._count = count

    @classmethod
    def of_columns(cls, count: int, columns: Sequence[tuple[str, Codes]], unknown: Sequence[str]) -> Faults:
        """From each column's rule codes, one a row; within a row faults stand in the order of `columns`."""
        kinds: list[Kind] = []
        rows: list[npt.NDArray[np.int64]] = []
        kinds_of_rows: list[npt.NDArray[np.int32]] = []
        for name, codes in columns:
            found = np.flatnonzero(codes)
            if not len(found):
                continue
            own = codes[found]
            places = np.zeros(len(RULES), np.int32)
            for code in np.unique(own).tolist():
                rule = RULES[code]
                assert rule is not None  # noqa: S101 - only codes that are not 0 were taken
                places[code] = len(kinds)
                kinds.append(Kind(name, rule))
            rows.append(found)
            kinds_of_rows.append(places[own])
        if not rows:
            return cls(count, unknown=unknown)
        together = np.concatenate(rows)
        order = np.argsort(together, kind="stable")
        return cls(count, kinds, together[order], np.concatenate(kinds_of_rows)[order], unknown)

    @classmethod
    def of_list(cls, count: int, faults: Sequence[Fault]) -> Faults:
        """From faults one by one, which are in order of row."""
        kinds: dict[Kind, int] = {}
        places = [kinds.setdefault(Kind(fault.column, fault.rule), len(kinds)) for fault in faults]
        rows = np.array([fault.row for fault in faults], np.int64)
        return cls(count, list(kinds), rows, np.array(places, np.int32))

    def __len__(self) -> int:
        return len(self.rows) + self._count * len(self.unknown)

    def __iter__(self) -> Iterator[Fault]:
        if not self.unknown:
            yield from map(self._fault, range(len(self.rows)))
            return
        first = 0
        for row in range(self._count):
            last = int(np.searchsorted(self.rows, row, side="right"))
            yield from map(self._fault, range(first, last))
            yield from (Fault(row, name, "unknown_column") for name in self.unknown)
            first = last

    @overload
    def __getitem__(self, index: int) -> Fault: ...

    @overload
    def __getitem__(self, index: slice) -> list[Fault]: ...

    def __getitem__(self, index: int | slice) -> Fault | list[Fault]:
        """One fault, or those of a slice. Cheap near the front, which is where readers of warnings look."""
        wanted = range(len(self))[index]
        if isinstance(wanted, int):
            return next(islice(self, wanted, None))
        if not wanted:
            return []
        low, high = min(wanted[0], wanted[-1]), max(wanted[0], wanted[-1])
        run = list(islice(self, low, high + 1))
        return [run[place - low] for place in wanted]

    def _fault(self, place: int) -> Fault:
        kind = self.kinds[self.kinds_of_rows[place]]
        return Fault(int(self.rows[place]), kind.column, kind.rule)
