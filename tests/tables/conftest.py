"""Tables as bodies."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

TABLE = pa.table(
    {
        "age": pa.array([39, None, 7], pa.int16()),
        "fare": [7.25, float("nan"), 1e300],
        "sex": pa.array(["male", None, "female"]).dictionary_encode(),
        "city": ["東京", "", "a long name that no view holds inline"],
        "more": [[1], [], None],
    }
)


def ipc(table: pa.Table, *, file: bool = False, rows: int | None = None, **options: Any) -> bytes:
    sink = io.BytesIO()
    new: Callable[..., Any] = pa.ipc.new_file if file else pa.ipc.new_stream
    with new(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table, max_chunksize=rows)
    return sink.getvalue()


def parquet(table: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()
