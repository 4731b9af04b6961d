"""Counters that all workers of a server share through files, with no lock and no call in the hot path.

Each worker owns one file of int64 cells, mapped into its memory: counting is an addition in place. What was counted
is in the page cache, so SIGKILL loses nothing, and the worker that is started again under the same number goes on
from there. Beside each file lies its index, JSON lines that say which cells are whose; a line is written before its
cells are used.
"""

from __future__ import annotations

import mmap
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from tabi.errors import StoreError
from tabi.serving.telemetry.metrics import METRICS
from tabi.serving.telemetry.process import start_of

Labels = tuple[tuple[str, str], ...]
Key = tuple[str, Labels]
Counts = npt.NDArray[np.int64]

SUPERVISOR = -1
"""The number of the process that starts the workers, which counts too."""

# the process that owns the file: its id and when it started
PROCESS: Key = ("process", ())

_CELL = 8
_CHUNK = 256 * 1024
_OWNER_SECONDS = 2.0


class Entry(msgspec.Struct, frozen=True):
    """A line of an index: `size` cells from `start` on. `values`: of the label that lies along them."""

    name: str
    labels: Labels
    start: int
    size: int
    values: tuple[str, ...] = ()

    @property
    def key(self) -> Key:
        """What the cells are known by."""
        return self.name, self.labels


class Cells:
    """One worker's cells. Any thread may register; two owners of one number are refused.

    `problem`: why the cells of what was registered last are this process's own and in no file, `None` if they are not.
    """

    def __init__(self, folder: Path, worker: int) -> None:
        """`StoreError` if the folder cannot be written or another process counts under this number."""
        self.worker = worker
        self.problem: str | None = None
        self._lock = Lock()
        self._views: dict[Key, memoryview] = {}
        self._chunks: list[tuple[int, mmap.mmap]] = []
        self._capacity = 0
        self._descriptors: list[int] = []
        try:
            self._take_over(folder)
        except OSError as error:
            self.close()
            raise StoreError(f"metrics cannot be kept in {folder} ({error.strerror}): make it writable") from error
        except StoreError:
            self.close()
            raise
        self._void_gauges()
        me = self.array(PROCESS[0], {}, 2)
        me[0], me[1] = os.getpid(), start_of(os.getpid())

    def array(self, name: str, labels: Mapping[str, str], size: int, values: Sequence[str] = ()) -> memoryview:
        """The `size` cells of a name and labels, as int64; the same ones whenever it is called.

        `values`: those of the label that lies along the cells. Where the file cannot grow, the cells are in this
        process's memory only, which `problem` tells.
        """
        key = (name, tuple(sorted(labels.items())))
        # a new version registers in a thread of its own while the event loop counts
        with self._lock:
            view = self._views.get(key)
            if view is None:
                view = self._views[key] = self._registered(key, size, tuple(values))
        if len(view) != size:
            raise StoreError(f"{name} has {len(view)} cells and not {size}: start the server with a new metrics folder")
        return view

    def _registered(self, key: Key, size: int, values: tuple[str, ...]) -> memoryview:
        try:
            return self._view(self._entry(key, size, values))
        except OSError as error:
            self.problem = f"metrics cannot be shared ({error.strerror}): free space on their disk and start again"
            return memoryview(bytearray(size * _CELL)).cast("q")

    def close(self) -> None:
        """Give the number up. What was registered can still be written to, and another may take over."""
        while self._descriptors:
            os.close(self._descriptors.pop())

    def _take_over(self, folder: Path) -> None:
        """Own the files, new or of the process before, and map what is in them."""
        cells, index = _paths(folder, self.worker)
        folder.mkdir(parents=True, exist_ok=True)
        self._index = self._open(index, os.O_RDWR | os.O_APPEND)
        # not the other file: a map of it would keep the lock after `close`
        _own(self._index, self.worker)
        self._cells = self._open(cells, os.O_RDWR)
        self._entries = {entry.key: entry for entry in read_index(index)}
        self._end = max((e.start + e.size for e in self._entries.values()), default=0)
        self._grow(max(self._end, os.fstat(self._cells).st_size // _CELL))

    def _open(self, path: Path, flags: int) -> int:
        descriptor = os.open(path, flags | os.O_CREAT, 0o600)
        self._descriptors.append(descriptor)
        return descriptor

    def _void_gauges(self) -> None:
        """A gauge tells of what is now, so those of the process before are void."""
        for entry in self._entries.values():
            metric = METRICS.get(entry.name)
            if metric is not None and metric.kind == "gauge":
                self._view(entry)[:] = memoryview(bytes(entry.size * _CELL)).cast("q")

    def _entry(self, key: Key, size: int, values: tuple[str, ...]) -> Entry:
        entry = self._entries.get(key)
        if entry is None:
            start = self._place(size)
            entry = Entry(*key, start, size, values)
            self._write(entry)
            self._entries[key] = entry
            self._end = start + size
        return entry

    def _place(self, size: int) -> int:
        """The first of `size` free cells, all in one chunk."""
        if self._end + size <= self._capacity:
            return self._end
        start = self._capacity
        self._grow(size)
        return start

    def _grow(self, size: int) -> None:
        """Map another chunk with room for `size` cells at least."""
        offset = self._capacity * _CELL
        length = -(-max(size * _CELL, 1) // _CHUNK) * _CHUNK
        _allocate(self._cells, offset, length)
        self._chunks.append((self._capacity, mmap.mmap(self._cells, length, offset=offset)))
        self._capacity += length // _CELL

    def _write(self, entry: Entry) -> None:
        size = os.fstat(self._index).st_size
        # a piece of a line may be left of the process before
        begin = b"" if size == 0 or os.pread(self._index, 1, size - 1) == b"\n" else b"\n"
        line = begin + msgspec.json.encode(entry) + b"\n"
        if os.write(self._index, line) != len(line):
            raise OSError(0, "the index was cut")

    def _view(self, entry: Entry) -> memoryview:
        first, chunk = next(found for found in reversed(self._chunks) if found[0] <= entry.start)
        start = (entry.start - first) * _CELL
        return memoryview(chunk)[start : start + entry.size * _CELL].cast("q")


def _paths(folder: Path, worker: int) -> tuple[Path, Path]:
    stem = "supervisor" if worker == SUPERVISOR else f"worker-{worker}"
    return folder / f"{stem}.cells", folder / f"{stem}.jsonl"


def _own(descriptor: int, worker: int) -> None:
    """Lock the file for as long as it is open; the system lets go of it however the process ends."""
    if sys.platform == "win32":
        return
    import fcntl

    end = time.monotonic() + _OWNER_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            # the process before may be about to end
            if time.monotonic() > end:
                raise StoreError(f"another process counts as worker {worker}: give each its own number") from error
        else:
            return
        time.sleep(0.02)


def _allocate(descriptor: int, offset: int, length: int) -> None:
    """Take the space now: a full disk is an error here, but a deadly signal when a cell is touched."""
    if sys.platform == "linux":
        os.posix_fallocate(descriptor, offset, length)
    elif os.fstat(descriptor).st_size < offset + length:
        os.ftruncate(descriptor, offset + length)


class WorkerCells(NamedTuple):
    """What one worker counted, as it was at one moment."""

    worker: str
    arrays: dict[Key, Counts]
    values: dict[Key, tuple[str, ...]]


def read_all(folder: Path) -> dict[Key, Counts]:
    """The sums over all workers, the dead ones too."""
    workers = read_workers(folder)
    names = {name for worker in workers for name, _ in worker.arrays} - {PROCESS[0]}
    return {key: counts for name in sorted(names) for key, counts in total(workers, name).items()}


def total(workers: Sequence[WorkerCells], name: str, add: np.ufunc = np.add) -> dict[Key, Counts]:
    """The cells of a name, put together by `add` from all workers that have them."""
    found: dict[Key, Counts] = {}
    for worker in workers:
        for key, counts in worker.arrays.items():
            if key[0] != name:
                continue
            before = found.get(key)
            if before is not None and len(before) != len(counts):
                raise StoreError(f"workers disagree on the cells of {name}: restart all of them with one version")
            found[key] = counts if before is None else add(before, counts)
    return found


def read_workers(folder: Path) -> list[WorkerCells]:
    """What each worker counted, in the order of their names."""
    return [_read_worker(index) for index in sorted(folder.glob("*.jsonl"))]


def read_index(path: Path) -> list[Entry]:
    """The whole lines of an index; a piece of one, whose cells were never used, is passed over."""
    decode = msgspec.json.Decoder(Entry).decode
    entries = []
    for line in path.read_bytes().splitlines():
        try:
            entries.append(decode(line))
        except (msgspec.MsgspecError, UnicodeDecodeError):
            continue
    return entries


def _read_worker(index: Path) -> WorkerCells:
    # the index first: what it names is in the file already
    entries = read_index(index)
    arrays: dict[Key, Counts] = {}
    if entries:
        with index.with_suffix(".cells").open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as m:
            cells = np.frombuffer(m, dtype=np.int64)
            arrays = {e.key: cells[e.start : e.start + e.size].copy() for e in entries}
            # a map that something looks at cannot be closed
            del cells
    return WorkerCells(index.stem, arrays, {e.key: e.values for e in entries})
