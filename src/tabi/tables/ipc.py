"""An Arrow IPC body -> its record batches. Nothing of it is believed before it was checked."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tabi.errors import RequestError
from tabi.tables.flatbuffers import decoded

if TYPE_CHECKING:
    import pyarrow as pa

MAX_ROWS = 100_000
# decompressed, and with the dictionary counted again for each batch that uses it
MAX_DECODED = 1024 * 1024 * 1024
MAX_MESSAGES = 10_000
_FILE_MAGIC = b"ARROW1\x00\x00"


def batches_of_ipc(body: bytes, max_rows: int = MAX_ROWS) -> Iterator[pa.RecordBatch]:
    """The batches of a stream, or of a file (Feather 2), in order; each is whole and valid.

    `RequestError` (rule `not_arrow`, `wrong_shape` or `too_many_rows`) when the first wrong place is reached. A file is
    read as the stream that it holds: its footer, which could name one place a million times, is never looked at.
    """
    import pyarrow as pa

    body = body.removeprefix(_FILE_MAGIC)
    try:
        _check_messages(body)
        yield from _batches(pa.ipc.open_stream(body), max_rows)
    except (pa.ArrowException, struct.error, ValueError, OSError, EOFError, KeyError, OverflowError) as error:
        # Arrow's own words may hold a value
        raise RequestError("the body is not an Arrow stream or file", (("$", "not_arrow"),)) from error


def _batches(reader: pa.RecordBatchStreamReader, max_rows: int) -> Iterator[pa.RecordBatch]:
    rows = size = 0
    for batch in reader:
        # counted before it is checked: a column of nulls costs nothing, however long it claims to be
        rows += batch.num_rows
        if rows > max_rows:
            raise RequestError(f"a request may hold {max_rows} rows, send several", (("rows", "too_many_rows"),))
        size += batch.get_total_buffer_size()
        _check_size(size)
        batch.validate(full=True)
        yield batch


def _check_messages(body: bytes) -> None:
    """Refuse what would become too much, before any of it is decompressed."""
    import pyarrow as pa

    size = 0
    for count, message in enumerate(pa.ipc.MessageReader.open_stream(body)):
        found = decoded(message.metadata.to_pybytes(), memoryview(message.body or b""))
        size += found.size
        _check_size(size)
        if found.is_delta:
            # each one copies the dictionary once more
            raise RequestError("the body adds to a dictionary: send dictionaries whole", (("$", "wrong_shape"),))
        if count > MAX_MESSAGES:
            raise RequestError("the body has too many batches: send larger ones", (("$", "wrong_shape"),))


def _check_size(size: int) -> None:
    if size > MAX_DECODED:
        raise RequestError("the body becomes too large when it is read: send fewer rows", (("$", "wrong_shape"),))
