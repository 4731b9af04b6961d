"""How the workers of one server agree: a folder in which each reads what all should load, and tells what it has.

A worker that starts later, or again, reads the same file and so needs nobody to tell it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from tabi.errors import StoreError
from tabi.serving.messages import ModelStatus


class Wanted(msgspec.Struct, frozen=True):
    """What an operator asked for: `paths` by reference, None for what the reference means. It only ever grows."""

    generation: int = 0
    paths: dict[str, str | None] = {}


class WorkerState(msgspec.Struct, frozen=True):
    """What one worker has: the generation that it has followed, its models, and their folders by reference."""

    worker: int
    pid: int
    generation: int
    models: list[ModelStatus]
    problems: list[str]
    folders: dict[str, str] = {}


_decode_wanted = msgspec.json.Decoder(Wanted).decode
_decode_state = msgspec.json.Decoder(WorkerState).decode


class Agreement:
    """One worker's view of the folder. `problem`: why the others do not know of this worker, `None` if they do."""

    def __init__(self, folder: Path, worker: int, workers: int) -> None:
        self.folder = folder
        self.workers = workers
        self._worker = worker
        self._wanted = folder / "wanted.json"
        self._told: bytes = b""
        self.problem: str | None = None

    def wanted(self) -> Wanted:
        """What all workers should load; `StoreError` if that cannot be read."""
        try:
            return _decode_wanted(self._wanted.read_bytes())
        except FileNotFoundError:
            return Wanted()
        except OSError as error:
            raise StoreError(f"workers cannot agree in {self.folder} ({error.strerror}): make it readable") from error

    def want(self, paths: dict[str, str | None]) -> Wanted:
        """Ask all workers to load bundles; the request as it counts from now on. `StoreError` if nobody is asked."""
        try:
            with self._alone():
                now = self.wanted()
                wanted = Wanted(now.generation + 1, {**now.paths, **paths})
                _replace(self._wanted, msgspec.json.encode(wanted))
        except OSError as error:
            raise StoreError(f"workers cannot agree in {self.folder} ({error.strerror}): make it writable") from error
        return wanted

    def tell(self, generation: int, models: list[ModelStatus], problems: list[str], folders: dict[str, str]) -> None:
        """Tell the others what this worker has. It never raises: what they do not know is a `problem`."""
        state = msgspec.json.encode(WorkerState(self._worker, os.getpid(), generation, models, problems, folders))
        if state != self._told:
            try:
                _replace(self.folder / f"worker-{self._worker}.json", state)
            except OSError as error:
                self.problem = f"workers cannot agree ({error.strerror}): free space on the disk of temporary files"
                return
            self._told = state
        self.problem = None

    def states(self) -> list[WorkerState]:
        """What each worker told last, dead ones too."""
        return [_decode_state(path.read_bytes()) for path in sorted(self.folder.glob("worker-*.json"))]

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _replace(path: Path, content: bytes) -> None:
    """A reader sees the old content or the new."""
    draft = path.with_suffix(f".{os.getpid()}")
    draft.write_bytes(content)
    draft.replace(path)
