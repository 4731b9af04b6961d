"""A served model: it follows one reference of the store, and holds the slot that answers now.

A new version is built and warmed in a thread beside the old one, and swapped by one reference. Whatever goes wrong on
the way, the old one goes on answering, and `status` says why.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from time import monotonic, perf_counter
from typing import NamedTuple

from tabi.errors import BundleError, NotFoundError, NotReadyError, TabiError
from tabi.serving.messages import ModelStatus
from tabi.serving.model import Model
from tabi.serving.recorder import Recorder
from tabi.serving.slot import Slot
from tabi.store import Store
from tabi.store.listing import MANIFEST

# before a bundle that could not be loaded is tried again unasked
RETRY_SECONDS = 10.0

# from a slash that begins a word to the word's end
_path = re.compile(r"(?<![^\s'\"(])/[^\s'\",;:()]+")
_log = logging.getLogger("tabi.serving")


class Event(NamedTuple):
    """An attempt to load: of which model, with what outcome (loaded, failed), in how many seconds."""

    model: str
    outcome: str
    seconds: float


class _Target(NamedTuple):
    """A bundle as it lies on the disk: another `stamp` of its manifest is another bundle."""

    folder: Path
    stamp: int


class Served:
    """Follows one reference. A request takes the slot once and keeps it: the old one lives until its last request ends.

    It has one name for its whole life. A bundle of another name is refused, so that no request meets another model.
    `make_slot` gives a model what it records with; `tell` hears of every attempt to load.
    """

    def __init__(
        self, store: Store, ref: str, make_slot: Callable[[Model], Slot], tell: Callable[[Event], None]
    ) -> None:
        self.ref = ref
        self.name = Path(ref.partition("@")[0].partition(":")[0]).name
        self._store = store
        self._make_slot = make_slot
        self._tell = tell
        self._slot: Slot | None = None
        self._before: Recorder | None = None
        self._now: _Target | None = None
        self._failed: _Target | None = None
        self._retry_at = 0.0
        self._loading = Lock()
        self._loaded: str | None = None
        self._reload_ms = 0.0
        self._problem: str | None = None

    @property
    def slot(self) -> Slot:
        """The version that answers now; `NotReadyError` before the first load."""
        if self._slot is None:
            raise NotReadyError(f"no version of {self.name} is loaded yet: try again in a moment")
        return self._slot

    @property
    def ready(self) -> bool:
        """Whether a version is loaded."""
        return self._slot is not None

    @property
    def status(self) -> ModelStatus:
        """What answers now, and why it is not what the reference means, if so."""
        version = None if self._slot is None else self._slot.model.version
        return ModelStatus(self.name, self.ref, version, self.ready, self._loaded, self._reload_ms, self._problem)

    def load(self, path: str | None = None) -> Slot:
        """Load what the reference means now, or one bundle of the store by its folder.

        `path` is absolute or relative to the store, in which it must lie; `NotFoundError` for any other. Whatever is
        raised, the version before stays.
        """
        # the reference is read under the lock too: of two reloads, the later must not end up below the earlier
        with self._loading:
            return self._swap(self._target(path))

    def follow(self, path: str | None = None) -> bool:
        """Load what is meant now if something else answers; whether it was swapped. What is wrong is in `status`."""
        with self._loading:
            try:
                target = self._target(path)
                if target == self._now:
                    self._note(None)
                elif target != self._failed or monotonic() >= self._retry_at:
                    self._swap(target)
                    return True
            except (TabiError, OSError) as error:
                self._note(error)
            return False

    def _target(self, path: str | None) -> _Target:
        folder = self._store.resolve(self.ref) if path is None else self._inside(path)
        return _Target(folder, (folder / MANIFEST).stat().st_mtime_ns)

    def _inside(self, path: str) -> Path:
        folder = self._store.root / path
        if ".." in folder.parts or not self._store.contains(folder):
            raise NotFoundError("a path was refused that is no bundle of the store: name a snapshot below models/")
        # links were followed to judge the path, so they are not followed again
        return folder.resolve()

    def _swap(self, target: _Target) -> Slot:
        began = perf_counter()
        try:
            slot = self._make_slot(self._open(target.folder))
        except Exception:
            self._failed, self._retry_at = target, monotonic() + RETRY_SECONDS
            self._tell(Event(self.name, "failed", perf_counter() - began))
            raise
        self._reload_ms = 0.0 if self._slot is None else (perf_counter() - began) * 1000
        self.name = slot.model.name
        self._replace(slot)
        self._now, self._failed = target, None
        self._loaded = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._note(None)
        self._tell(Event(self.name, "loaded", perf_counter() - began))
        return slot

    def _replace(self, slot: Slot) -> None:
        if self._slot is not None:
            # not the slot, which is to go with its last request
            self._before = self._slot.recorder
            self._before.unloaded()
        self._slot = slot
        slot.recorder.loaded()

    def flush(self) -> None:
        """Count what recorders hold back, that of the version before too, whose last requests may just have ended."""
        for recorder in (self._before, None if self._slot is None else self._slot.recorder):
            if recorder is not None:
                recorder.flush()

    def _open(self, folder: Path) -> Model:
        model = Model.open(folder)
        if self._slot is not None and model.name != self.name:
            raise BundleError(f"the bundle {folder} is of {model.name}, and this is {self.name}: reload another")
        return model

    def _note(self, error: Exception | None) -> None:
        """Keep in mind what is wrong. The log has all of it; what is shown to everybody names no folder."""
        shown = None if error is None else _without_paths(str(error))
        if shown is not None and shown != self._problem:
            _log.error("%s stays as it is: %s", self.name, error)
        self._problem = shown


def _without_paths(text: str) -> str:
    return _path.sub("…", text)
