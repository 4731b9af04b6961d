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

from tabi.serving.messages import ModelStatus


class Wanted(msgspec.Struct, frozen=True):
    """What an operator asked for: `paths` by model, None for what the model's reference means. It only ever grows."""

    generation: int = 0
    paths: dict[str, str | None] = {}


class WorkerState(msgspec.Struct, frozen=True):
    """What one worker has: the generation that it has followed, and its models."""

    worker: int
    pid: int
    generation: int
    models: list[ModelStatus]
    problems: list[str]


_decode_wanted = msgspec.json.Decoder(Wanted).decode
_decode_state = msgspec.json.Decoder(WorkerState).decode


class Agreement:
    """One worker's view of the folder."""

    def __init__(self, folder: Path, worker: int, workers: int) -> None:
        self.folder = folder
        self.workers = workers
        self._worker = worker
        self._wanted = folder / "wanted.json"
        self._told: bytes = b""

    def wanted(self) -> Wanted:
        """What all workers should load."""
        try:
            return _decode_wanted(self._wanted.read_bytes())
        except FileNotFoundError:
            return Wanted()

    def want(self, paths: dict[str, str | None]) -> Wanted:
        """Ask all workers to load bundles; the request as it counts from now on."""
        with self._alone():
            now = self.wanted()
            wanted = Wanted(now.generation + 1, {**now.paths, **paths})
            _replace(self._wanted, msgspec.json.encode(wanted))
        return wanted

    def tell(self, generation: int, models: list[ModelStatus], problems: list[str]) -> None:
        """Tell the others what this worker has."""
        state = msgspec.json.encode(WorkerState(self._worker, os.getpid(), generation, models, problems))
        if state != self._told:
            _replace(self.folder / f"worker-{self._worker}.json", state)
            self._told = state

    def states(self) -> list[WorkerState]:
        """What each worker told last."""
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
