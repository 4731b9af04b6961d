"""Snapshots: immutable copies of a source's rows, named by the digest of their content.

    <store>/data/<project>/<digest>.parquet    the rows in stored form
    <store>/data/<project>/<digest>.json       where they came from and when
    <store>/data/<project>/latest.json         the digest that a training uses

Each file is written beside its place, flushed to disk and moved there, the pointer last: a reader sees the old
or the new, never a mix.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, TypeVar

import msgspec
import numpy as np
import pandas as pd

from tabi.data.stored import digest_of, is_text, stored_frame
from tabi.errors import NotFoundError, StoreError
from tabi.workspace import Workspace

T = TypeVar("T")


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """One copy of a source's rows.

    `digest`: SHA-256 of the content, 64 hex digits. `rows`, `columns`: the shape, target included.
    `source`: the URI it was last fetched from, at `fetched_at`. `path`: its Parquet file.
    """

    digest: str
    rows: int
    columns: int
    source: str
    fetched_at: str
    path: Path


class _Description(msgspec.Struct, frozen=True):
    source: str
    rows: int
    columns: int
    fetched_at: str


class _Pointer(msgspec.Struct, frozen=True):
    digest: str


def write_snapshot(workspace: Workspace, project: str, source: str, frame: pd.DataFrame) -> Snapshot:
    """Store the rows and make them the project's latest. Law: equal rows have one digest, and one file.

    `DataError` if the rows cannot be stored, `StoreError` if the disk refuses.
    """
    stored = stored_frame(frame)
    digest, folder = digest_of(stored), _folder(workspace, project)
    rows, columns = stored.shape
    description = _Description(source, rows, columns, datetime.now(UTC).isoformat())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _replace(folder / f"{digest}.parquet", lambda file: _write_parquet(stored, file))
        _replace_json(folder / f"{digest}.json", description)
        _replace_json(folder / "latest.json", _Pointer(digest))
    except OSError as error:
        raise StoreError(f"the snapshot cannot be written to {folder}: {error.strerror}") from error
    return _snapshot(folder, digest, description)


def read_snapshot(workspace: Workspace, project: str, digest: str | None = None) -> tuple[Snapshot, pd.DataFrame]:
    """A snapshot, the project's latest by default, and its rows in stored form.

    `NotFoundError` if there is none, `StoreError` if its content is no longer what its name says.
    """
    if digest is None:
        snapshot = latest_snapshot(workspace, project)
        if snapshot is None:
            raise NotFoundError(f"project {project!r} has no snapshot yet: run `tabi data fetch {project}`")
    else:
        snapshot = _described(_folder(workspace, project), digest, f"project {project!r} has no snapshot {digest!r}")
    frame = _read_parquet(snapshot.path)
    if digest_of(frame) != snapshot.digest:
        raise StoreError(f"{snapshot.path} was changed after it was written: run `tabi data fetch {project}`")
    return snapshot, frame


def latest_snapshot(workspace: Workspace, project: str) -> Snapshot | None:
    """The snapshot that the project's pointer names, `None` if nothing was fetched yet. The rows are not read."""
    folder = _folder(workspace, project)
    try:
        pointer = _decode(folder / "latest.json", _Pointer)
    except FileNotFoundError:
        return None
    return _described(folder, pointer.digest, f"{folder / 'latest.json'} points to a snapshot that is not there")


def _folder(workspace: Workspace, project: str) -> Path:
    return workspace.store / "data" / project


def _described(folder: Path, digest: str, if_absent: str) -> Snapshot:
    try:
        return _snapshot(folder, digest, _decode(folder / f"{digest}.json", _Description))
    except FileNotFoundError:
        raise NotFoundError(f"{if_absent}: run `tabi data fetch {folder.name}`") from None


def _snapshot(folder: Path, digest: str, description: _Description) -> Snapshot:
    return Snapshot(digest=digest, path=folder / f"{digest}.parquet", **msgspec.structs.asdict(description))


def _decode(path: Path, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except msgspec.MsgspecError as error:
        raise StoreError(f"{path} is not what Tabi wrote: run `tabi data fetch {path.parent.name}`") from error


def _replace_json(path: Path, value: msgspec.Struct) -> None:
    _replace(path, lambda file: file.write(msgspec.json.encode(value)))


def _replace(path: Path, write: Callable[[BinaryIO], object]) -> None:
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with beside.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    _flush_folder(path.parent)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_parquet(stored: pd.DataFrame, file: BinaryIO) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    fields = [(name, pa.string() if is_text(stored[name]) else pa.float64()) for name in stored.columns]
    pq.write_table(pa.Table.from_pandas(stored, schema=pa.schema(fields), preserve_index=False), file)


def _read_parquet(path: Path) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        frame: pd.DataFrame = pq.ParquetFile(path).read().to_pandas(ignore_metadata=True)
    except FileNotFoundError:
        raise StoreError(f"{path} is gone: run `tabi data fetch {path.parent.name}`") from None
    except (pa.ArrowException, OSError) as error:
        raise StoreError(f"{path} is not readable Parquet: run `tabi data fetch {path.parent.name}`") from error
    # Arrow gives None for a missing text
    return pd.DataFrame({name: frame[name].where(frame[name].notna(), np.nan) for name in frame.columns})
