"""Objects by key in a folder: whole or absent, and one conditional write. Nothing here knows what a model is.

The verbs are those that S3 has as well: read, write whole, list, and write if the object is still the one that was read
(there a conditional PUT, here a lock held for the length of one small write). A second kind of store offers the same.

    <root>/.tmp/.tmp-<pid>-<random>    an object that is being written; moved to its key when it is on disk
    <root>/.lock                       held while an object is compared and replaced

The folder must be one POSIX file system with working `flock` and an atomic `rename`.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tabi.errors import ConflictError, StoreError
from tabi.store.listing import read_bounded

TEMPORARY = ".tmp"
LOCK = ".lock"


class Objects:
    """The objects below one folder. Keys are POSIX paths. Nothing is created before the first write."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, key: str) -> Path:
        """Where the object or group of objects `key` lies."""
        return self.root / key

    def read(self, key: str, limit: int) -> bytes | None:
        """The object's bytes; None if there is none. `StoreError` if it cannot be read or is larger than `limit`."""
        try:
            data = read_bounded(self.path(key), limit)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise StoreError(f"cannot read {key} in the store {self.root}: {error.strerror}") from error
        if data is None:
            raise StoreError(
                f"{key} in the store {self.root} is larger than {limit} bytes: it is not what belongs there"
            )
        return data

    def children(self, key: str) -> list[str]:
        """Names directly below `key`, sorted; hidden ones as well."""
        try:
            return sorted(os.listdir(self.path(key)))  # noqa: PTH208 - names, not paths, are wanted
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise StoreError(f"cannot list {key} in the store {self.root}: {error.strerror}") from error

    def write(self, key: str, chunks: Iterable[bytes]) -> None:
        """Write an object whole: a reader sees the old one or the new one, also after a power cut.

        If `chunks` raises, nothing is written. `StoreError` if the disk is full or refuses.
        """
        try:
            write_whole(self.path(key), chunks, temporary=self.root / TEMPORARY)
        except OSError as error:
            raise StoreError(
                f"cannot write {key} in the store {self.root} ({error.strerror}): free or repair it and try again"
            ) from error

    def replace(self, key: str, expected: str | None, data: bytes) -> str:
        """Compare-and-set: write `data` if the object's tag is still `expected` (None: no object); its new tag.

        `ConflictError` if it is another one by now. Two writers with the same `expected`: exactly one gets through,
        unless they write the same bytes.
        """
        with self._locked():
            present = self.read(key, limit=max(len(data), 1 << 20))
            if (None if present is None else tag_of(present)) != expected:
                raise ConflictError(f"somebody else moved {key} in the store {self.root} first: look and try again")
            self.write(key, [data])
        return tag_of(data)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            make_folder(self.root)
            descriptor = os.open(self.root / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise StoreError(f"cannot lock the store {self.root} ({error.strerror}): make it writable") from error
        try:
            # the kernel lets go of it when the process dies, however it dies
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def tag_of(data: bytes) -> str:
    """What tells one content of an object from another, as S3's ETag does."""
    return hashlib.sha256(data).hexdigest()


def write_whole(path: Path, chunks: Iterable[bytes], temporary: Path) -> None:
    """Write a file under a temporary name in the folder `temporary`, flush it to disk, and rename it to `path`."""
    make_folder(temporary)
    partial = temporary / f".tmp-{os.getpid()}-{secrets.token_hex(8)}"
    try:
        with partial.open("xb") as file:
            file.writelines(chunks)
            file.flush()
            os.fsync(file.fileno())
        make_folder(path.parent)
        partial.replace(path)
        _flush_folder(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def make_folder(folder: Path) -> None:
    """Create a folder and its parents so that they outlive a power cut."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _flush_folder(folder.parent)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
