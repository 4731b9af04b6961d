"""Closed segments of a log are compressed, and go when they are too old or too many.

A segment is closed when nobody holds its lock, which the system lets go of however a writer ends. At any moment, a kill
at any byte included, each line lies in exactly one file that readers look at: the compressed copy has its name only
once it is whole and on the disk, and where both are there, readers take the plain one.
"""

from __future__ import annotations

import fcntl
import gzip
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from tabi.predictions.log import SUFFIX
from tabi.predictions.read import GZIP

DAY = 86400.0
# without fail nobody writes to the segment of a day that is over for so long
QUIET_SECONDS = 3600.0
_PIECE = 1 << 18
# a third of the time of the best, for a tenth more bytes
_LEVEL = 4
_DRAFT = ".draft"


class Keep(NamedTuple):
    """How long: by the days since a segment was last written to, and by the bytes of all. None is for ever."""

    days: float | None = None
    size: int | None = None


def compress(folder: Path, stopped: Callable[[], bool] = lambda: False, quiet: float = 0.0) -> int:
    """Compress every closed segment that was last written to `quiet` seconds ago or earlier; how many were.

    `OSError` where the disk does not allow it; what was there is still there.
    """
    done = 0
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        if stopped():
            break
        with _closed(path) as is_closed:
            if is_closed and time.time() - path.stat().st_mtime >= quiet:
                done += _compressed(path, stopped)
    return done


def expire(folder: Path, keep: Keep) -> int:
    """Remove closed segments that are too old, and the oldest while all are too large; how many went."""
    found = [(path, path.stat()) for path in sorted(folder.glob(f"*{SUFFIX}*")) if path.name.endswith((SUFFIX, GZIP))]
    size, gone = sum(stat.st_size for _, stat in found), 0
    for path, stat in found:
        old = keep.days is not None and time.time() - stat.st_mtime > keep.days * DAY
        many = keep.size is not None and size > keep.size
        if not (old or many):
            continue
        with _closed(path) as is_closed:
            if is_closed:
                path.unlink()
                size -= stat.st_size
                gone += 1
    return gone


@contextmanager
def _closed(path: Path) -> Iterator[bool]:
    """Whether nobody writes to it; while this is entered, nobody else compresses or removes it."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        yield False
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        # who held it before may have removed it
        yield os.fstat(descriptor).st_nlink > 0
    finally:
        os.close(descriptor)


def _compressed(path: Path, stopped: Callable[[], bool]) -> bool:
    target, draft = path.with_name(f"{path.name}.gz"), path.with_name(f"{path.name}{_DRAFT}")
    # the whole copy is there already if somebody was killed before the plain one was removed
    if not target.exists():
        try:
            if not _write(path, draft, stopped):
                return False
            stat = path.stat()
            os.utime(draft, ns=(stat.st_atime_ns, stat.st_mtime_ns))
            draft.rename(target)
        finally:
            with suppress(FileNotFoundError):
                draft.unlink()
        _sync(target.parent)
    path.unlink()
    return True


def _write(path: Path, draft: Path, stopped: Callable[[], bool]) -> bool:
    """Whether the whole copy is on the disk; not if it was stopped."""
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640)
    with os.fdopen(descriptor, "wb") as raw, path.open("rb") as plain:
        with gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=_LEVEL, filename="", mtime=0) as packed:
            while piece := plain.read(_PIECE):
                if stopped():
                    return False
                packed.write(piece)
        raw.flush()
        os.fsync(descriptor)
    return True


def _sync(folder: Path) -> None:
    """The new name is on the disk before the old one goes."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
