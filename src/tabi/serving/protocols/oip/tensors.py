"""Tensors -> rows by a contract. What a tensor says of itself is checked before any of its contents is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tabi.contract import Contract, Fault, Scalar
from tabi.serving.messages import Row
from tabi.serving.model import MAX_ROWS, PathOf
from tabi.serving.protocols.bodies import refuse
from tabi.serving.protocols.oip.datatypes import DATATYPES


class Head(NamedTuple):
    """What a tensor says of its contents."""

    name: str
    datatype: str
    shape: Sequence[int]

    @property
    def path(self) -> str:
        """Where the tensor stands in a request, by its name."""
        return f"inputs.{self.name}"

    @property
    def cells(self) -> int:
        """How many values it has; of a tensor that `check` let pass."""
        return self.shape[0] * (self.shape[1] if len(self.shape) == 2 else 1)


def check(contract: Contract, heads: Sequence[Head]) -> None:
    """Refuse tensors that are no rows of the contract: by name, datatype or shape. Nothing is allocated for it.

    A tensor is a column of the contract, in the shape [rows] or [rows, 1]. Where every column is numeric, one tensor by
    another name may hold them all, [rows, columns] in the contract's order.
    """
    if not heads:
        refuse("inputs", "missing_field")
    seen: set[str] = set()
    for head in heads:
        if head.name in seen:
            refuse(head.path, "repeated_name")
        seen.add(head.name)
        if head.datatype not in DATATYPES:
            refuse(f"{head.path}.datatype", "unknown_datatype")
    width = len(contract.columns) if _is_table(contract, heads) else 1
    for head in heads:
        _check_shape(head, width, heads[0].shape)


def rows_of(contract: Contract, heads: Sequence[Head], values: Sequence[Sequence[Scalar]]) -> tuple[list[Row], PathOf]:
    """The rows that checked tensors hold, and where in them a fault lies."""
    if _is_table(contract, heads):
        return _rows_of_table(contract, heads[0], values[0])
    names = [head.name for head in heads]

    def path(fault: Fault) -> str:
        return f"inputs.{fault.column}.data[{fault.row}]" if fault.column else f"inputs.*.data[{fault.row}]"

    return [dict(zip(names, row, strict=True)) for row in zip(*values, strict=True)], path


def _rows_of_table(contract: Contract, head: Head, values: Sequence[Scalar]) -> tuple[list[Row], PathOf]:
    names = [column.name for column in contract.columns]
    width = len(names)
    rows: list[Row] = [
        dict(zip(names, values[start : start + width], strict=True)) for start in range(0, head.cells, width)
    ]

    def path(fault: Fault) -> str:
        place = f"{head.path}.data[{fault.row}]"
        return f"{place}.{fault.column}" if fault.column else place

    return rows, path


def _is_table(contract: Contract, heads: Sequence[Head]) -> bool:
    """Whether the only tensor holds all columns."""
    one_tensor = len(heads) == 1 and len(heads[0].shape) == 2
    return one_tensor and not contract.categorical and all(heads[0].name != c.name for c in contract.columns)


def _check_shape(head: Head, width: int, first: Sequence[int]) -> None:
    """`first` is the shape of the first tensor, itself checked before."""
    shape = head.shape
    fits = shape[1] == width if len(shape) == 2 else len(shape) == 1 and width == 1
    if not fits or shape[0] < 0:
        refuse(f"{head.path}.shape", "wrong_dimensions")
    if shape[0] > MAX_ROWS:
        refuse(f"{head.path}.shape", "too_many_rows")
    if shape[0] != first[0]:
        refuse(f"{head.path}.shape", "wrong_rows")
