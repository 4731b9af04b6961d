"""What is done so far, in a hidden folder beside the output, so that a killed run can go on where it was.

    .<output>.parts/lock                      held by the run that writes here
    .<output>.parts/<digest>/000042.arrow     output rows of block 42, and how many were rejected and warned of
    .<output>.parts/<digest>/000042.rejected  its rejected rows, a JSON object a line; written before the rows

A part is written under another name and renamed when it is on disk, so one that is there is whole. The digest says
what the parts belong to: the processes of a run that was killed end with their blocks, and what they still write must
not be taken for a part of a run with other rows or options.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from tabi.errors import ConflictError, DataError
from tabi.score.scorer import Scored

if TYPE_CHECKING:
    import pyarrow as pa

_COUNTS = b"tabi"
_ROWS, _REJECTED = ".arrow", ".rejected"
# of the digest that the folder's name has
DIGITS = 32


class Counts(msgspec.Struct, frozen=True):
    """Rows of a part or of all: answered, rejected, and warnings told."""

    rows: int = 0
    rejected: int = 0
    warnings: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.rows + other.rows, self.rejected + other.rejected, self.warnings + other.warnings)


class Parts:
    """The parts of one run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def place(self) -> Path:
        """What somebody would remove to start anew."""
        return self.folder.parent

    def has(self, index: int) -> bool:
        """Whether the block of this place is done."""
        return self._path(index, _ROWS).exists()

    def write(self, index: int, scored: Scored) -> Counts:
        """Keep a block that is done."""
        import pyarrow as pa

        counts = Counts(scored.table.num_rows, len(scored.rejected), scored.warnings)
        sink = pa.BufferOutputStream()
        schema = scored.table.schema.with_metadata({_COUNTS: msgspec.json.encode(counts)})
        with pa.ipc.new_file(sink, schema) as writer:
            writer.write_table(scored.table)
        if scored.rejected:
            lines = b"".join(msgspec.json.encode(row) + b"\n" for row in scored.rejected)
            write_synced(self._path(index, _REJECTED), lines)
        write_synced(self._path(index, _ROWS), sink.getvalue())
        return counts

    def counts(self, index: int) -> Counts:
        """What a part says of itself."""
        with self._reader(index) as reader:
            return msgspec.json.decode(reader.schema.metadata[_COUNTS], type=Counts)

    def table(self, index: int) -> pa.Table:
        """The output rows of a part."""
        with self._reader(index) as reader:
            return reader.read_all().replace_schema_metadata(None)

    def rejected(self, index: int) -> bytes:
        """The lines of a part's rejected rows."""
        return self._path(index, _REJECTED).read_bytes() if self.counts(index).rejected else b""

    def remove(self) -> None:
        """Remove the folder, and the one that it lies in."""
        shutil.rmtree(self.place, ignore_errors=True)

    def _path(self, index: int, suffix: str) -> Path:
        return self.folder / f"{index:06d}{suffix}"

    @contextmanager
    def _reader(self, index: int) -> Iterator[pa.RecordBatchFileReader]:
        import pyarrow as pa

        try:
            with self._path(index, _ROWS).open("rb") as file, pa.ipc.open_file(file) as reader:
                yield reader
        except pa.ArrowInvalid as error:
            raise DataError(f"a part in {self.place} was damaged: remove that folder and score again") from error


@contextmanager
def opened_parts(output: Path, digest: str) -> Iterator[Parts]:
    """The parts beside `output`, emptied if they belong to anything else than `digest`.

    `ConflictError` while another run writes the same output.
    """
    folder = output.with_name(f".{output.name}.parts")
    folder.mkdir(exist_ok=True)
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        try:
            # the kernel lets go of it when the process dies, however it dies
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConflictError(f"another run is writing {output}: wait for it, or name another output") from None
        own = folder / digest[:DIGITS]
        for other in folder.iterdir():
            if other.is_dir() and other != own:
                shutil.rmtree(other, ignore_errors=True)
        own.mkdir(exist_ok=True)
        yield Parts(own)
    finally:
        os.close(lock)


def digest_of(*parts: object) -> str:
    """SHA-256 in hex of the canonical JSON of the parts."""
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()


def write_synced(path: Path, data: bytes | pa.Buffer) -> None:
    """Write a file whole, or not at all."""
    # its own: another process, of a run that was killed, may still be writing the same part
    partial = path.with_name(f"{path.name}.{os.getpid()}.new")
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
