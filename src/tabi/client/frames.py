"""Tables of pandas, PyArrow and whatever else speaks Arrow's C stream -> Arrow IPC bodies. PyArrow is imported late."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from tabi.client.errors import InputError
from tabi.client.rows import Part

CONTENT_TYPE = "application/vnd.apache.arrow.stream"


def frame_bodies(frame: Any, most_rows: int, most_bytes: int) -> Iterator[Part]:
    """The rows of `frame` as bodies of at most so many rows, and of about so many bytes; one if there are none."""
    table = _table(frame)
    rows = max(1, min(most_rows, most_bytes * table.num_rows // max(table.nbytes, 1)))
    for first in range(0, max(table.num_rows, 1), rows):
        yield Part(_ipc(table.slice(first, rows)), first)


def _table(frame: Any) -> Any:
    try:
        import pyarrow
    except ImportError as error:
        raise InputError("predict_frame needs PyArrow: install tabi[client,arrow]") from error
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(frame, pandas.DataFrame):
        return _table_of_pandas(frame, pyarrow)
    if isinstance(frame, pyarrow.RecordBatch | pyarrow.Table) or hasattr(frame, "__arrow_c_stream__"):
        return pyarrow.table(frame)
    raise InputError(f"a {type(frame).__name__} is no table: give a DataFrame or an Arrow table, or use predict_batch")


def _table_of_pandas(frame: Any, pyarrow: Any) -> Any:
    """Column by column, so that a column that has no Arrow type can be named."""
    columns: dict[str, Any] = {}
    for place, name in enumerate(frame.columns):
        if not isinstance(name, str):
            raise InputError(f"the frame has a column whose name is a {type(name).__name__}: names are text")
        if name in columns:
            raise InputError(f"the frame has the column {name!r} twice", name)
        try:
            columns[name] = pyarrow.Array.from_pandas(frame.iloc[:, place])
        except (pyarrow.ArrowException, UnicodeError):
            # the cause would show a value
            raise InputError(f"column {name!a}: its values are not of one type that Arrow has", name) from None
    return pyarrow.table(columns)


def _ipc(table: Any) -> bytes:
    import pyarrow

    sink = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, table.schema) as writer:
        # one batch, not one for each of the chunks that the table may have come in
        writer.write_table(table.combine_chunks())
    return bytes(sink.getvalue())
