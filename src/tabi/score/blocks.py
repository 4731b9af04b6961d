"""A run of rows on its way from a file to a scorer, and rows that could not be answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pyarrow as pa

RowNumbers = npt.NDArray[np.int64]


class Reason(msgspec.Struct, frozen=True):
    """Why a row was rejected: column ("" is the row as a whole) and rule. Never the value."""

    column: str
    rule: str


class Rejected(msgspec.Struct, frozen=True):
    """A row without an answer: its file, its place among the file's rows from 0, and why."""

    file: str
    row: int
    reasons: list[Reason]


class Block(NamedTuple):
    """Rows of one file. `rows`: the place of each among the file's rows.

    They stand in `table`, or, where only a scorer takes the time to read them, in `lines` of JSON. `rejected`: rows
    that the reader could not read. `position`: how much of the file, in bytes, lies behind.
    """

    file: str
    rows: RowNumbers
    table: pa.RecordBatch | None
    lines: list[bytes]
    rejected: list[Rejected]
    position: int


class Task(msgspec.Struct, array_like=True):
    """A block as it is sent to another process, with its place among all blocks."""

    index: int
    file: str
    rows: bytes
    table: bytes | None
    lines: list[bytes]
    rejected: list[Rejected]


def packed(index: int, block: Block) -> Task:
    """The block as a task. Law: `unpacked(packed(i, b))` holds the rows of b."""
    import pyarrow as pa

    table = None
    if block.table is not None:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, block.table.schema) as writer:
            writer.write_batch(block.table)
        table = sink.getvalue().to_pybytes()
    return Task(index, block.file, block.rows.tobytes(), table, block.lines, block.rejected)


def unpacked(task: Task) -> Block:
    """The block that was packed."""
    import pyarrow as pa

    table = None
    if task.table is not None:
        table = pa.ipc.open_stream(task.table).read_next_batch()
    return Block(task.file, np.frombuffer(task.rows, np.int64), table, task.lines, task.rejected, 0)
