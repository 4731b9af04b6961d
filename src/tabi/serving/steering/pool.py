"""The versions of one model that a worker holds. A version that leaves lives until its last request ends."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from threading import Lock
from typing import NamedTuple
from weakref import ref as weak

from tabi.errors import StoreError
from tabi.serving.model import Model
from tabi.serving.recorder import Recorder
from tabi.serving.slot import Slot
from tabi.store.listing import MANIFEST


class Target(NamedTuple):
    """A bundle as it lies on the disk: another `stamp` of its manifest is another bundle."""

    folder: Path
    stamp: tuple[int, int]


def target_of(folder: Path) -> Target:
    """The bundle in a folder; `StoreError` if it cannot be read."""
    try:
        found = (folder / MANIFEST).stat()
    except OSError as error:
        raise StoreError(f"the bundle {folder} cannot be read ({error.strerror}): make it readable") from error
    # not the time of its content, which a copy may keep
    return Target(folder, (found.st_ino, found.st_ctime_ns))


class Pool:
    """Loaded versions by their bundles. One thread at a time changes it; any may flush."""

    def __init__(self) -> None:
        self._slots: dict[Target, Slot] = {}
        self._left: list[tuple[weak[Model], Recorder]] = []
        self._changing = Lock()

    def get(self, target: Target) -> Slot | None:
        """The version, if it is loaded."""
        return self._slots.get(target)

    def put(self, target: Target, slot: Slot) -> None:
        """Hold a version that answers from now on, or may."""
        before = self._slots.get(target)
        if before is not None and before is not slot:
            self._drop(target)
        with self._changing:
            self._slots[target] = slot
        slot.recorder.loaded()

    def keep(self, targets: Collection[Target]) -> None:
        """Let all others go."""
        gone = [target for target in self._slots if target not in targets]
        for target in gone:
            self._drop(target)

    def flush(self) -> None:
        """Count what recorders hold back, those of versions that left too, whose last requests may just have ended."""
        with self._changing:
            # looked at before the flush: a model that is gone gives its recorder nothing any more
            gone = [model() is None for model, _ in self._left]
            for _, recorder in self._left:
                recorder.flush()
            self._left = [left for left, is_gone in zip(self._left, gone, strict=True) if not is_gone]
            held = [slot.recorder for slot in self._slots.values()]
        for recorder in held:
            recorder.flush()

    def __len__(self) -> int:
        return len(self._slots)

    def _drop(self, target: Target) -> None:
        with self._changing:
            slot = self._slots.pop(target)
            slot.recorder.unloaded()
            # not the slot, which is to go with its last request
            self._left.append((weak(slot.model), slot.recorder))
        for other in self._slots.values():
            # the gauges of a version are one, wherever its bundle was loaded from
            if other.model.version == slot.model.version:
                other.recorder.loaded()
