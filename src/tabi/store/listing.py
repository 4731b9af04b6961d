"""What a content-addressed folder holds: the list of its files, the id made from the list, how a folder may differ.

The id is the sha256 of the canonical JSON of the sorted (path, size, sha256) list. Names are part of it: a digest over
contents alone would let two files change places unseen.

Two files stand beside the list: the manifest that holds it, and the signature over the manifest and all that it lists.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec

from tabi.errors import BundleError

MANIFEST = "manifest.json"
MANIFEST_LIMIT = 1 << 20
SIGNATURE = "model.sig"
# it names every file again, in JSON that is encoded in JSON
SIGNATURE_LIMIT = 4 << 20
_CHUNK = 1 << 20

Sha256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class FileEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file: its POSIX path inside the folder, its size in bytes, its sha256 in hex."""

    path: str
    size: Annotated[int, msgspec.Meta(ge=0)]
    sha256: Sha256


class Difference(NamedTuple):
    """Which file of a folder is not what the list says, and in what way."""

    path: str
    problem: str


def bundle_id(files: Iterable[FileEntry]) -> str:
    """The id of a list of files, 64 hex digits. Law: the order of `files` does not matter, everything else does."""
    rows = sorted((entry.path, entry.size, entry.sha256) for entry in files)
    return hashlib.sha256(msgspec.json.encode(rows)).hexdigest()


def path_problem(path: str) -> str | None:
    """Why `path` may not stand in a list of files; None if it may."""
    if not path or not path.isprintable():
        return "is empty or holds a character that cannot be printed"
    if "\\" in path or ":" in path:
        return "is not a POSIX path"
    if path.startswith("/"):
        return "is absolute"
    if any(part in {"", ".", ".."} for part in path.split("/")):
        return "leaves the folder or is not in its shortest form"
    return "stands beside the list" if path in {MANIFEST, SIGNATURE} else None


def list_problem(files: tuple[FileEntry, ...], declared_id: str) -> Difference | None:
    """The first fault of a list of files: an unsafe path, a wrong order, a path twice, an id that is not its own."""
    previous = ""
    for entry in files:
        problem = path_problem(entry.path)
        if problem is not None:
            return Difference(MANIFEST, f"names the path {entry.path[:200]!r}, which {problem}")
        if entry.path <= previous:
            return Difference(MANIFEST, f"names {entry.path} twice or out of order")
        previous = entry.path
    if bundle_id(files) != declared_id:
        return Difference(MANIFEST, "has an id that is not the digest of its files")
    return None


def walk(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Everything below `folder` but folders, by POSIX path in order; symbolic links are named, never followed."""
    pending = [folder]
    found: list[tuple[str, os.stat_result]] = []
    while pending:
        with os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    pending.append(Path(entry.path))
                else:
                    path = Path(entry.path).relative_to(folder).as_posix()
                    found.append((path, entry.stat(follow_symlinks=False)))
    return iter(sorted(found, key=lambda item: item[0]))


def differences(folder: Path, files: Iterable[FileEntry]) -> Iterator[Difference]:
    """How `folder` differs from the list, what stands beside it aside: extra, missing and changed files, and links.

    A file is read only if it is a plain file of the size that the list says.
    """
    expected = {entry.path: entry for entry in files}
    for path, status in walk(folder):
        entry = expected.pop(path, None)
        if not stat.S_ISREG(status.st_mode):
            yield Difference(path, "is a link or another thing that is not a plain file")
        elif path == SIGNATURE and status.st_size > SIGNATURE_LIMIT:
            yield Difference(path, f"has {status.st_size} bytes, over the limit of {SIGNATURE_LIMIT}")
        elif path in {MANIFEST, SIGNATURE}:
            continue
        elif entry is None:
            yield Difference(path, "is not in the manifest")
        elif status.st_size != entry.size:
            yield Difference(path, f"has {status.st_size} bytes, the manifest says {entry.size}")
        elif entry_of(folder, path) != entry:
            yield Difference(path, "was changed: its sha256 is not the manifest's")
    for path in expected:
        yield Difference(path, "is missing")


def entry_of(folder: Path, path: str) -> FileEntry:
    """The list's line for a file as it is now. Raises OSError, also for a link."""
    digest = hashlib.sha256()
    size = 0
    for chunk in file_chunks(folder / path):
        digest.update(chunk)
        size += len(chunk)
    return FileEntry(path, size, digest.hexdigest())


def verified_chunks(folder: Path, entry: FileEntry) -> Iterator[bytes]:
    """The content of a file, never more than `entry.size` bytes; `BundleError` at the end if it is not `entry`'s.

    Whoever uses the bytes waits for the end of the iteration: what was checked is then what was read.
    """
    try:
        yield from verified(file_chunks(folder / entry.path), entry, str(folder))
    except OSError as error:
        raise BundleError(f"{entry.path} in {folder} cannot be read ({error.strerror}): {_REBUILD}") from error


def verified(chunks: Iterable[bytes], entry: FileEntry, where: str) -> Iterator[bytes]:
    """As `verified_chunks`, of content that comes from anywhere."""
    digest = hashlib.sha256()
    remaining = entry.size
    for chunk in chunks:
        digest.update(chunk)
        remaining -= len(chunk)
        if remaining < 0:
            break
        yield chunk
    if remaining != 0 or digest.hexdigest() != entry.sha256:
        raise BundleError(f"{entry.path} in {where} was changed since its manifest was written: {_REBUILD}")


_REBUILD = "release again or take another copy"


def read_bounded(path: Path, limit: int) -> bytes | None:
    """The bytes of a plain file; None if it has more than `limit`. Raises OSError, also for a link."""
    data = b""
    for chunk in file_chunks(path):
        data += chunk
        if len(data) > limit:
            return None
    return data


def file_chunks(path: Path) -> Iterator[bytes]:
    """The bytes of a plain file in pieces. Raises OSError, also for a link."""
    # O_NONBLOCK: opening a named pipe that somebody planted must not wait for its writer
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        while chunk := file.read(_CHUNK):
            yield chunk
