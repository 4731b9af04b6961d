"""Snapshots: immutable copies of a source's rows, named by the digest of their content.

    <store>/data/<project>/<digest>.parquet    the rows in stored form
    <store>/data/<project>/<digest>.json       where they came from and when
    <store>/data/<project>/latest.json         the digest that a training uses

Each file is written beside its place, flushed to disk and moved there, the pointer last: a reader sees the old
or the new, never a mix.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, TypeVar

import msgspec
import pandas as pd

from tabi.data.digest import digest_of, digest_of_rows
from tabi.data.origin import Parent, without_secrets
from tabi.data.rows import StoredRows
from tabi.data.spool import Spool
from tabi.errors import NotFoundError, StoreError
from tabi.workspace import Workspace

T = TypeVar("T")


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """One copy of a source's rows.

    `digest`: SHA-256 of the content, 64 hex digits. `rows`, `columns`: the shape, target included.
    `source`: the URI it was last fetched from, at `fetched_at`, by the query whose digest is `query`. `parents`: what
    its rows were made from. `md5`: of the file, where a DVC repository tracks it. `path`: its Parquet file.
    """

    digest: str
    rows: int
    columns: int
    source: str
    fetched_at: str
    path: Path
    query: str | None = None
    parents: tuple[Parent, ...] = ()
    md5: str | None = None

    def table(self) -> StoredRows:
        """The rows, to be read in batches. They are not verified."""
        return StoredRows.of_file(self.path)


class _Description(msgspec.Struct, frozen=True, omit_defaults=True):
    source: str
    rows: int
    columns: int
    fetched_at: str
    query: str | None = None
    parents: tuple[Parent, ...] = ()
    md5: str | None = None


class _Pointer(msgspec.Struct, frozen=True):
    digest: str


def write_snapshot(
    workspace: Workspace,
    project: str,
    source: str,
    batches: pd.DataFrame | Iterable[pd.DataFrame],
    parents: Sequence[Parent] = (),
    query: str | None = None,
) -> Snapshot:
    """Store the rows and make them the project's latest. Law: equal rows have one digest, and one file, in whatever
    batches they come. Only one batch is held at a time. `parents` is read when the batches are at their end.

    `DataError` if the rows cannot be stored, `StoreError` if the disk refuses.
    """
    folder = _folder(workspace, project)
    beside = folder / f".{uuid.uuid4().hex}.tmp"
    try:
        beside.mkdir(parents=True)
        spool = Spool(beside)
        with _closing([batches] if isinstance(batches, pd.DataFrame) else batches) as each:
            for batch in each:
                spool.add(batch)
        written = spool.finish()
        rows = StoredRows.of_file(written)
        digest = digest_of_rows(rows)
        description = _Description(
            source=without_secrets(source),
            rows=rows.count,
            columns=len(rows.texts),
            fetched_at=datetime.now(UTC).isoformat(),
            query=None if query is None else digest_of_query(query),
            parents=tuple(parents),
        )
        _move(written, folder / f"{digest}.parquet")
        _replace_json(folder / f"{digest}.json", description)
        _replace_json(folder / "latest.json", _Pointer(digest))
    except OSError as error:
        raise StoreError(f"the snapshot cannot be written to {folder}: {error.strerror}") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return _snapshot(folder, digest, description)


@contextmanager
def _closing(batches: Iterable[pd.DataFrame]) -> Iterator[Iterable[pd.DataFrame]]:
    """The batches, of which a source lets go at once when something fails here."""
    try:
        yield batches
    finally:
        if isinstance(batches, Generator):
            batches.close()


def digest_of_query(query: str) -> str:
    """SHA-256 in hex over the words of a query: blanks and line ends that only lay it out do not count."""
    return hashlib.sha256(" ".join(query.split()).encode()).hexdigest()


def note_md5(snapshot: Snapshot, md5: str) -> Snapshot:
    """The snapshot with the MD5 of its file in its description."""
    noted = msgspec.structs.replace(snapshot, md5=md5)
    fields = {name: getattr(noted, name) for name in _Description.__struct_fields__}
    _replace_json(noted.path.with_suffix(".json"), _Description(**fields))
    return noted


def read_snapshot(workspace: Workspace, project: str, digest: str | None = None) -> tuple[Snapshot, pd.DataFrame]:
    """A snapshot, the project's latest by default, and its rows in stored form.

    `NotFoundError` if there is none, `StoreError` if its content is no longer what its name says.
    """
    snapshot = _named(workspace, project, digest)
    with _readable(snapshot.path):
        frame = pd.concat(snapshot.table().frames(), ignore_index=True)
        _refuse_changed(snapshot, digest_of(frame))
    return snapshot, frame


def open_snapshot(workspace: Workspace, project: str, digest: str | None = None) -> tuple[Snapshot, StoredRows]:
    """As `read_snapshot`, with the rows to be read in batches."""
    snapshot = _named(workspace, project, digest)
    with _readable(snapshot.path):
        rows = snapshot.table()
        _refuse_changed(snapshot, digest_of_rows(rows))
    return snapshot, rows


def _named(workspace: Workspace, project: str, digest: str | None) -> Snapshot:
    if digest is not None:
        return _described(_folder(workspace, project), digest, f"project {project!r} has no snapshot {digest!r}")
    snapshot = latest_snapshot(workspace, project)
    if snapshot is None:
        raise NotFoundError(f"project {project!r} has no snapshot yet: run `tabi data fetch {project}`")
    return snapshot


def _refuse_changed(snapshot: Snapshot, digest: str) -> None:
    if digest != snapshot.digest:
        project = snapshot.path.parent.name
        raise StoreError(f"{snapshot.path} was changed after it was written: run `tabi data fetch {project}`")


def latest_snapshot(workspace: Workspace, project: str) -> Snapshot | None:
    """The snapshot that the project's pointer names, `None` if nothing was fetched yet. The rows are not read."""
    folder = _folder(workspace, project)
    try:
        pointer = _decode(folder / "latest.json", _Pointer)
    except FileNotFoundError:
        return None
    return _described(folder, pointer.digest, f"{folder / 'latest.json'} points to a snapshot that is not there")


def snapshots_of(workspace: Workspace, project: str) -> list[Snapshot]:
    """All snapshots of a project, the last fetched first."""
    folder = _folder(workspace, project)
    digests = [path.stem for path in folder.glob("*.json") if path.stem != "latest"]
    found = [_described(folder, digest, f"project {project!r} has no snapshot {digest!r}") for digest in digests]
    return sorted(found, key=lambda snapshot: snapshot.fetched_at, reverse=True)


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


def _move(file: Path, place: Path) -> None:
    with file.open("rb") as written:
        os.fsync(written.fileno())
    file.replace(place)
    _flush_folder(place.parent)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """`StoreError` for a file that is gone, or holds what Tabi does not write."""
    import pyarrow as pa

    try:
        yield
    except FileNotFoundError:
        raise StoreError(f"{path} is gone: run `tabi data fetch {path.parent.name}`") from None
    except (pa.ArrowException, OSError, AttributeError, TypeError, ValueError) as error:
        raise StoreError(f"{path} is not readable Parquet: run `tabi data fetch {path.parent.name}`") from error
