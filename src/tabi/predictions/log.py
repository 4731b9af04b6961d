"""The writer's side of the prediction log.

A log line is in the page cache when `append` returns, so SIGKILL loses nothing that was answered afterwards. A log
that cannot be written is no reason to stop answering: what is lost is counted, and told.
"""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from time import monotonic

SUFFIX = ".jsonl"
SEGMENT_BYTES = 64 * 1024 * 1024
SEGMENT_SECONDS = 3600.0
# between two tries to open a segment, and between two looks whether the open one still has a name
RETRY_SECONDS = 1.0
NAME_TRIES = 100

# space may be back at any moment, and the segment itself is sound
_PASSING = frozenset({errno.ENOSPC, errno.EDQUOT})
_NEVER = float("-inf")


class PredictionLog:
    """Appends to segments of its own below `folder`; no other writer ever opens them. Safe to call from any thread.

    `lost`: predictions that are not in the log. `problem`: why the last append failed, `None` when it did not.
    """

    def __init__(
        self,
        folder: Path,
        worker: int,
        *,
        segment_bytes: int = SEGMENT_BYTES,
        segment_seconds: float = SEGMENT_SECONDS,
    ) -> None:
        self.lost = 0
        self.problem: str | None = None
        self._folder = folder
        self._worker = worker
        self._segment_bytes = segment_bytes
        self._segment_seconds = segment_seconds
        self._lock = Lock()
        self._count = 0
        self._descriptor: int | None = None
        self._size = 0
        self._cut = False
        self._end_at = _NEVER
        self._open_at = _NEVER
        self._look_at = _NEVER
        self._since_look = 0

    def append(self, lines: bytes, count: int) -> bool:
        """Write `count` whole lines at once; whether all of them are in the log. It never raises."""
        with self._lock:
            now = monotonic()
            try:
                descriptor = self._segment_for(len(lines), now)
                if descriptor is None:
                    self.lost += count
                    return False
                written = os.write(descriptor, b"\n" + lines if self._cut else lines)
            except OSError as error:
                self._fail(error, count, now)
                return False
            return self._account(lines, count, written)

    def probe(self) -> None:
        """Where the last append failed, see whether one would now, by a blank line, which is nothing to readers."""
        if self.problem is not None:
            self.append(b"\n", 0)

    def close(self) -> None:
        """Close the segment. A later append would start another."""
        with self._lock:
            self._close()

    def _segment_for(self, size: int, now: float) -> int | None:
        """The descriptor to write to, `None` while it is too early to try opening one again."""
        descriptor = self._descriptor
        if descriptor is not None:
            if now >= self._look_at:
                self._look(descriptor, now)
            full = self._size > 0 and self._size + size > self._segment_bytes
            if now < self._end_at and not full and self._descriptor is not None:
                return descriptor
            self._close()
            self._open_at = _NEVER
        if now < self._open_at:
            return None
        self._open(now)
        return self._descriptor

    def _look(self, descriptor: int, now: float) -> None:
        """A segment that was deleted takes lines and keeps none: let it go, and count what it took as lost."""
        if os.fstat(descriptor).st_nlink == 0:
            self.lost += self._since_look
            self._close()
        self._look_at = now + RETRY_SECONDS
        self._since_look = 0

    def _open(self, now: float) -> None:
        self._folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL
        for _ in range(NAME_TRIES):
            name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{self._worker:03d}-{self._count:06d}{SUFFIX}"
            self._count += 1
            try:
                self._descriptor = os.open(self._folder / name, flags, 0o640)
            except FileExistsError:
                # another process of the same number on a shared folder
                continue
            # whoever compresses closed segments leaves this one alone, until this process lets go of it
            with suppress(OSError):
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._size, self._cut, self._since_look = 0, False, 0
            self._end_at, self._look_at = now + self._segment_seconds, now + RETRY_SECONDS
            return
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))

    def _account(self, lines: bytes, count: int, written: int) -> bool:
        self._size += written
        expected = len(lines) + self._cut
        if written == expected:
            self._cut = False
            self.problem = None
            self._since_look += count
            return True
        whole = lines[: max(0, written - self._cut)].count(b"\n")
        # the next append starts a line of its own, so that the piece cannot swallow it
        self._cut = True
        self._since_look += whole
        self.lost += count - whole
        self.problem = "the prediction log could not be written to its end: free space on its disk"
        return False

    def _fail(self, error: OSError, count: int, now: float) -> None:
        self.lost += count
        reason = error.strerror or type(error).__name__
        self.problem = f"the prediction log cannot be written ({reason}): make its folder writable or free space on it"
        if error.errno not in _PASSING:
            self._close()
        if self._descriptor is None:
            self._open_at = now + RETRY_SECONDS

    def _close(self) -> None:
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            try:
                os.close(descriptor)
            except OSError:
                # some file systems tell of a failed write only now; the descriptor is gone all the same
                self.problem = "the prediction log could not be closed: look at its disk"
