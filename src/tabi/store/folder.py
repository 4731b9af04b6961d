"""Objects by key in a folder. Every object is a file; the conditional write holds a lock for the length of one write.

    <root>/.tmp/.tmp-<pid>-<random>    an object that is being written; moved to its key when it is on disk
    <root>/.lock                       held while an object is compared and replaced

The folder must be one POSIX file system with working `flock` and an atomic `rename`.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tabi.errors import ConflictError, StoreError
from tabi.store.listing import Difference, FileEntry, differences, file_chunks, read_bounded
from tabi.store.objects import Left, tag_of

TEMPORARY = ".tmp"
LOCK = ".lock"


class Folder:
    """The objects below one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def place(self) -> str:
        """The folder."""
        return str(self.root)

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

    def chunks(self, key: str) -> Iterator[bytes]:
        """The object's bytes in pieces; `StoreError` if it cannot be read, also for a link."""
        try:
            yield from file_chunks(self.path(key))
        except OSError as error:
            raise StoreError(f"cannot read {key} in the store {self.root}: {error.strerror}") from error

    def has(self, key: str) -> bool:
        """Whether there is an object of this key."""
        return self.path(key).is_file()

    def is_group(self, key: str) -> bool:
        """Whether there is a folder, and no link to one."""
        path = self.path(key)
        return path.is_dir() and not path.is_symlink()

    def differences(self, key: str, files: Iterable[FileEntry]) -> Iterator[Difference]:
        """How the folder `key` differs from a list of files; links differ too."""
        folder = self.path(key)
        if not folder.is_dir():
            yield from (Difference(entry.path, "is missing") for entry in files)
            return
        try:
            yield from differences(folder, files)
        except OSError as error:
            raise StoreError(f"cannot read {key} in the store {self.root}: {error.strerror}") from error

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

    def remove(self, key: str) -> None:
        """Remove one object, if there is one; it stays removed after a power cut."""
        with self._removing(key):
            self.path(key).unlink(missing_ok=True)
            _flush_folder(self.path(key).parent)

    def remove_group(self, key: str) -> None:
        """Remove the folder `key`; a link to one is removed itself."""
        with self._removing(key):
            path = self.path(key)
            if self.is_group(key):
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def modified(self, key: str) -> float | None:
        """When anything at or below `key` was last written."""
        try:
            times = [self.path(key).lstat().st_mtime]
            times += [path.lstat().st_mtime for path in self.path(key).rglob("*")]
        except (FileNotFoundError, NotADirectoryError):
            return None
        return max(times)

    def left(self) -> list[Left]:
        """The temporary files that are there."""
        found = ((name, self.modified(f"{TEMPORARY}/{name}")) for name in self.children(TEMPORARY))
        return [Left(f"{TEMPORARY}/{name}", modified) for name, modified in found if modified is not None]

    def discard(self, name: str) -> None:
        """Remove a temporary file."""
        self.remove_group(name)

    @contextmanager
    def _removing(self, key: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            # somebody else was first
            return
        except OSError as error:
            raise StoreError(f"cannot remove {key} in the store {self.root} ({error.strerror})") from error

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
