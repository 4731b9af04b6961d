"""Feedback: what became of a prediction, on the disk before anybody is told that it was taken.

The folder `feedback` below the prediction log holds a segment a day, which all workers of a server write, one after the
other: each learns from it what the others have taken, so that nothing is taken twice.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from threading import Lock

import msgspec

from tabi.errors import StoreError
from tabi.predictions.log import SUFFIX
from tabi.predictions.read import open_segment, segments_of

FOLDER = "feedback"
# how many of the last keys a worker knows again; readers tell older ones apart
RECENT = 100_000


class FeedbackLine(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, tag_field="kind", tag="feedback"):
    """What became of a row: of a request's by `id` and `row`, or of the last before `at` of a unit.

    `key`: feedback of a model with the same key is the same. `time`, `at`: when it came and when the outcome was known,
    in seconds since 1970 in UTC. `label`: the true class, or the true number of a regression. `value`: what it was
    worth to the business.
    """

    key: str
    time: float
    model: str
    at: float
    id: str = ""
    row: int = 0
    unit: str = ""
    label: str | float | None = None
    value: float | None = None


class _Known(msgspec.Struct):
    """As much of a line as tells it from others."""

    key: str
    model: str


_encode = msgspec.json.Encoder().encode_lines
_decode = msgspec.json.Decoder(_Known).decode


class FeedbackLog:
    """Appends feedback. Any number of threads and processes may, of one machine or of one shared folder with locks."""

    def __init__(self, folder: Path, recent: int = RECENT) -> None:
        self.folder = folder / FOLDER
        self._recent = recent
        self._thread = Lock()
        self._read: dict[str, int] = {}
        # in the order in which they came
        self._known: dict[bytes, None] = {}
        self._doubtful = ""

    def append(self, lines: Sequence[FeedbackLine]) -> list[bool]:
        """Whether each line is new. When this returns, all that are new are on the disk.

        `StoreError` if they are not: then none of them was taken, and all may be sent again.
        """
        try:
            with self._thread, self._alone():
                path = self._learn()
                keys = [_digest(line.key, line.model) for line in lines]
                # within one call too, the first of equal ones is taken
                first = dict(zip(reversed(keys), range(len(keys) - 1, -1, -1), strict=True))
                new = [key not in self._known and first[key] == place for place, key in enumerate(keys)]
                taken = [line for line, is_new in zip(lines, new, strict=True) if is_new]
                if taken:
                    self._write(path, _encode(taken))
                    self._keep(key for key, is_new in zip(keys, new, strict=True) if is_new)
                return new
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise StoreError(
                f"feedback cannot be written below {self.folder} ({reason}): make it writable or free space on it"
            ) from error

    def probe(self) -> None:
        """`OSError` if nothing could be written now; else a blank line was, which is nothing to readers."""
        with self._thread, self._alone():
            self._write(self._learn(), b"\n")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self.folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o640)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _learn(self) -> Path:
        """Take note of what others have written since the last time; the segment to write to."""
        segments = segments_of(self.folder)
        if not self._read:
            self._learn_first(segments)
        for path in segments:
            if path.stat().st_size != self._read.get(path.name):
                self._keep(self._keys(path))
        today = f"{datetime.now(UTC):%Y%m%d}"
        of_today = [path for path in segments if path.name.startswith(today)]
        if of_today and of_today[-1].suffix == SUFFIX and of_today[-1].name != self._doubtful:
            return of_today[-1]
        return self.folder / f"{today}-{len(of_today):04d}{SUFFIX}"

    def _learn_first(self, segments: Sequence[Path]) -> None:
        """The last keys there are; segments before them are taken as read."""
        found: list[list[bytes]] = []
        for path in reversed(segments):
            if sum(map(len, found)) >= self._recent:
                self._read[path.name] = path.stat().st_size
            else:
                found.append(list(self._keys(path)))
        for keys in reversed(found):
            self._keep(keys)

    def _keys(self, path: Path) -> Iterator[bytes]:
        """Those of the lines that were not read yet."""
        if path.suffix != SUFFIX and path.stem in self._read:
            # it was read before it was compressed
            self._read[path.name] = path.stat().st_size
            return
        with open_segment(path) as segment:
            segment.seek(self._read.get(path.name, 0))
            for text in segment:
                with suppress(msgspec.MsgspecError, UnicodeDecodeError):
                    known = _decode(text)
                    yield _digest(known.key, known.model)
            self._read[path.name] = path.stat().st_size if path.suffix != SUFFIX else segment.tell()

    def _keep(self, keys: Iterator[bytes] | Sequence[bytes]) -> None:
        self._known.update(dict.fromkeys(keys))
        for _ in range(len(self._known) - self._recent):
            del self._known[next(iter(self._known))]

    def _write(self, path: Path, lines: bytes) -> None:
        """All of the lines and on the disk, or none of them."""
        is_new = not path.exists()
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o640)
        try:
            # whoever compresses closed segments may be at it
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.fstat(descriptor).st_nlink == 0:
                raise BlockingIOError(errno.EAGAIN, "its segment was just compressed")
            size = os.fstat(descriptor).st_size
            # a writer that was killed may have left a piece of a line
            begun = size and os.pread(descriptor, 1, size - 1) != b"\n"
            try:
                _write_all(descriptor, b"\n" + lines if begun else lines)
                os.fsync(descriptor)
                if is_new:
                    _sync_folder(self.folder)
            except OSError:
                # what a failed flush has left of a file can no more be told: the next lines go to another
                self._doubtful = path.name
                with suppress(OSError):
                    os.ftruncate(descriptor, size)
                raise
            self._read[path.name] = os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)


def _write_all(descriptor: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _sync_folder(folder: Path) -> None:
    """A new file is there after a power cut only if its folder was flushed too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _digest(key: str, model: str) -> bytes:
    return blake2b(f"{model}\0{key}".encode(), digest_size=16).digest()
