"""Bodies and answers in Arrow's formats. Its library is imported with the first of them, and may be missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from tabi.errors import RequestError
from tabi.serving.answers import LABEL, Answers, Floats
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
    """Answers as an Arrow IPC stream, label and numbers; what stands once is metadata of its schema."""
    import pyarrow as pa

    answers = model.answers
    metadata = {
        "model": model.name,
        "version": model.version,
        **{name: str(value) for name, value in answers.parameters.items()},
        "request_id": request_id,
        "warnings": encode(decided.warnings).decode(),
    }
    schema = pa.schema(fields_of(answers), metadata)
    table = pa.table(arrays_of(answers, decided.outputs), schema)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def fields_of(answers: Answers[Any]) -> list[pa.Field]:
    """The columns of a table of answers."""
    import pyarrow as pa

    types = {str: pa.string(), float: pa.float64()}
    return [pa.field(name, types[kind], nullable=False) for name, kind in answers.columns.items()]


def arrays_of(answers: Answers[Any], outputs: Floats) -> dict[str, pa.Array]:
    """The answers of rows, column by column."""
    import pyarrow as pa

    labels = answers.labels(outputs)
    found = {} if labels is None else {LABEL: pa.array(labels.classes).take(pa.array(labels.codes))}
    return found | {name: pa.array(numbers) for name, numbers in answers.numbers(outputs).items()}


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
