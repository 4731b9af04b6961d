"""Bodies and answers in Arrow's formats. Its library is imported with the first of them, and may be missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from tabi.errors import RequestError
from tabi.serving.codec import CHUNK, encode
from tabi.serving.model import Decisions, Model
from tabi.serving.places import refusal
from tabi.serving.slot import Read
from tabi.tables import TableReader, batches_of_ipc, batches_of_parquet

if TYPE_CHECKING:
    import pyarrow as pa


def read_stream(body: bytes, model: Model, max_rows: int, max_columns: int) -> Iterator[Read]:
    """The rows of an Arrow IPC stream or file."""
    _require()
    return _read(batches_of_ipc(body, max_rows), model, max_columns)


def read_parquet(body: bytes, model: Model, max_rows: int, max_columns: int) -> Iterator[Read]:
    """The rows of a Parquet file."""
    _require()
    columns = [column.name for column in model.contract.columns]
    return _read(batches_of_parquet(body, columns, max_rows), model, max_columns)


def write_stream(decided: Decisions, model: Model, request_id: str) -> bytes:
    """Predictions as an Arrow IPC stream of `label` and `probability`; what stands once is metadata of its schema."""
    import pyarrow as pa

    metadata = {
        "model": model.name,
        "version": model.version,
        "threshold": str(model.threshold),
        "request_id": request_id,
        "warnings": encode(decided.warnings).decode(),
    }
    schema = pa.schema([("label", pa.string()), ("probability", pa.float64())], metadata)
    labels = [found.label for found in decided.predictions]
    table = pa.table([labels, [found.probability for found in decided.predictions]], schema)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _read(batches: Iterable[pa.RecordBatch], model: Model, max_columns: int) -> Iterator[Read]:
    reader = TableReader(model.contract)
    for batch in batches:
        if batch.num_columns > max_columns:
            raise refusal(f"a row may have {max_columns} columns", [("$", "too_many_columns")])
        for start in range(0, batch.num_rows, CHUNK):
            tensors, faults = reader.read(batch.slice(start, CHUNK))
            yield tensors, faults, faults if model.contract.strict else []


def _require() -> None:
    try:
        import pyarrow as pa  # noqa: F401
    except ModuleNotFoundError as error:
        problem = (("$", "not_installed"),)
        raise RequestError("this server reads neither Arrow nor Parquet: send JSON", problem) from error
