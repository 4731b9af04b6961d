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
from time import monotonic, perf_counter
from typing import NamedTuple

from tabi.bundle import Trust
from tabi.errors import BundleError, ConfigError, NotFoundError, NotReadyError, StartError, StoreError, TabiError
from tabi.serving.messages import ModelStatus
from tabi.serving.model import Model
from tabi.serving.slot import Slot
from tabi.serving.steering.follower import Follower
from tabi.serving.steering.pool import Pool, Target, target_of
from tabi.serving.steering.steerer import Steerer
from tabi.serving.steering.steering import Steering
from tabi.store import Followed, Store
from tabi.store.snapshots import MODELS, is_name

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


class Prepared(NamedTuple):
    """A slot that is built and warm, and answers nothing yet. `began`: when its bundle was opened."""

    slot: Slot
    target: Target
    began: float


class Served:
    """Follows one reference. A request takes the slot once and keeps it: the old one lives until its last request ends.

    Of a reference that follows a policy, the slot is the champion's; what the policy needs beside it is the follower's.
    One thread at a time may change it, which `Models` sees to; any may read. `make_slot` gives a model what it records
    with; `tell` hears of every attempt to load; `trust` says whose signature a bundle must have; `steerer` divides
    requests, and without one the champion answers all.
    """

    def __init__(
        self,
        store: Store,
        ref: str,
        make_slot: Callable[[Model], Slot],
        tell: Callable[[Event], None],
        trust: Trust | None = None,
        steerer: Steerer | None = None,
    ) -> None:
        self.ref = ref
        self.name = _name_in(ref)
        self._named = False
        self._store = store
        self._make_slot = make_slot
        self._tell = tell
        self._trust = trust
        self._slot: Slot | None = None
        self._pool = Pool()
        self._follower = Follower(self._pool, self._beside, steerer)
        self._now: Target | None = None
        self._failed: Target | None = None
        self._retry_at = 0.0
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
    def steering(self) -> Steering | None:
        """How requests are divided now; None: the slot answers all of them."""
        return self._follower.steering

    @property
    def held(self) -> int:
        """Versions that are loaded."""
        return len(self._pool)

    @property
    def unsteered(self) -> str | None:
        """Why the policy's other versions get no requests, if so."""
        problem = self._follower.problem
        return None if problem is None else self._shown(problem)

    @property
    def ready(self) -> bool:
        """Whether a version is loaded."""
        return self._slot is not None

    @property
    def folder(self) -> Path | None:
        """Where the bundle that answers now lies."""
        return None if self._now is None else self._now.folder

    @property
    def distrust(self) -> str | None:
        """Why the bundle that answers now is not trusted, where that is only a warning."""
        problem = None if self._slot is None else self._slot.model.bundle.signed.problem
        return None if problem is None else self._shown(problem)

    @property
    def status(self) -> ModelStatus:
        """What answers now, and why it is not what the reference means, if so."""
        slot = self._slot
        version = None if slot is None else slot.model.version
        # of a path no more than its last part: everybody may read this
        folder, slash, last = self.ref.rpartition("/")
        ref = f"…/{last}" if folder or slash else self.ref
        ready, policy = slot is not None, self._follower.status
        return ModelStatus(self.name, ref, version, ready, self._loaded, self._reload_ms, self._problem, policy)

    def cannot_start(self, error: TabiError) -> TabiError:
        """Why a server cannot start with this reference: where was looked, what was found, and two ways to mend it."""
        if isinstance(error, ConfigError):
            return error
        named = not self.ref.startswith("s3:") and is_name(self.ref.partition("@")[0].partition(":")[0])
        place = f"{self._store.place}/{MODELS}/{self.name}" if named else self.ref
        mend = (
            "mount the store there, or set TABI_STORE to the folder or s3:// URL where it is"
            if isinstance(error, NotFoundError)
            else f"copy the bundle there again, or serve another version such as {self.name}@previous"
        )
        return StartError(f"{self.ref} cannot be served: looked at {place}: {error}; {mend}")

    def keep_name(self) -> None:
        """Refuse bundles of another name from now on, so that no request meets another model."""
        self._named = True

    def prepare(self, path: str | None = None) -> Prepared:
        """Build and warm what the reference means now, or one bundle of the store by its folder.

        `path` is absolute or relative to the store, in which it must lie; `NotFoundError` for any other. Whatever is
        raised, the version before stays.
        """
        return self._build(self._target(path, self._followed_if_known(path)))

    def take(self, prepared: Prepared) -> None:
        """Answer with a slot from now on."""
        before, slot = self._slot, prepared.slot
        self._reload_ms = 0.0 if before is None else (perf_counter() - prepared.began) * 1000
        self.name = slot.model.name
        self._slot = slot
        self._pool.keep({prepared.target, *self._follower.wanted})
        self._pool.put(prepared.target, slot)
        self._now, self._failed = prepared.target, None
        self._loaded = datetime.now(UTC).isoformat(timespec="milliseconds")
        self.note(None)
        if self.distrust is not None:
            _log.warning("%s answers without a trusted signature: %s", self.name, slot.model.bundle.signed.problem)
        self._tell(Event(self.name, "loaded", perf_counter() - prepared.began))

    def load(self, path: str | None = None) -> Slot:
        """`prepare` and `take`."""
        prepared = self.prepare(path)
        self.take(prepared)
        return prepared.slot

    def follow(self, path: str | None = None) -> bool:
        """Load what is meant now if something else answers; whether it was swapped. What is wrong is in `status`."""
        try:
            found = self._followed(path)
            self._follower.expect(found)
            target = self._target(path, found)
        except Exception as error:  # noqa: BLE001  it may go better at the next look
            if self.note(error):
                self._tell(Event(self.name, "failed", 0.0))
            return False
        swapped = self._follow_champion(target)
        if self._slot is not None and self._now is not None:
            self._follower.follow(found, self._slot, self._now)
        return swapped

    def _follow_champion(self, target: Target) -> bool:
        if target == self._now:
            # what failed before is tried at once if it is meant again
            self._failed = None
            self.note(None)
        elif target != self._failed or monotonic() >= self._retry_at:
            try:
                held = self._pool.get(target)
                self.take(self._build(target) if held is None else Prepared(held, target, perf_counter()))
            except Exception as error:  # noqa: BLE001
                self.note(error)
            else:
                return True
        return False

    def flush(self) -> None:
        """Count what recorders hold back, those of versions before too, whose last requests may just have ended."""
        self._pool.flush()

    def note(self, error: Exception | None) -> bool:
        """Keep in mind what is wrong; whether that is new. The log has all of it, everybody is shown no folder."""
        shown = None if error is None else self._without_paths(error)
        new = shown is not None and shown != self._problem
        if new:
            unexpected = None if isinstance(error, (TabiError, OSError)) else error
            _log.error("%s stays as it is: %s", self.name, error, exc_info=unexpected)
        self._problem = shown
        return new

    def _followed(self, path: str | None) -> Followed | None:
        """The policy, where the reference follows one and no operator asked for a bundle."""
        return self._store.followed(self.ref) if path is None else None

    def _followed_if_known(self, path: str | None) -> Followed | None:
        try:
            return self._followed(path)
        except StoreError as error:
            # of a kind that is not known here: `latest` is its champion
            self.note(error)
            return None

    def _target(self, path: str | None, found: Followed | None) -> Target:
        if path is not None:
            return target_of(self._inside(path))
        return target_of(self._store.resolve(self.ref) if found is None else found.folder(found.policy.champion))

    def _beside(self, folder: Path) -> Slot:
        began = perf_counter()
        try:
            slot = self._make_slot(self._open(folder))
        except Exception:
            self._tell(Event(self.name, "failed", perf_counter() - began))
            raise
        self._tell(Event(self.name, "loaded", perf_counter() - began))
        return slot

    def _inside(self, path: str) -> Path:
        found = self._store.snapshot_at(path)
        if found is None:
            raise NotFoundError("a path was refused that is no bundle of the store: name a snapshot below models/")
        return found

    def _build(self, target: Target) -> Prepared:
        began = perf_counter()
        try:
            slot = self._make_slot(self._open(target.folder))
        except Exception:
            self._failed, self._retry_at = target, monotonic() + RETRY_SECONDS
            self._tell(Event(self.name, "failed", perf_counter() - began))
            raise
        return Prepared(slot, target, began)

    def _open(self, folder: Path) -> Model:
        model = Model.open(folder, self._trust)
        if self._named and model.name != self.name:
            raise BundleError(f"the bundle {folder} is of {model.name}, and this is {self.name}: reload another")
        return model

    def _without_paths(self, error: Exception) -> str:
        """What everybody may read of an error."""
        if not isinstance(error, (TabiError, OSError)):
            return f"unexpected {type(error).__name__}: the log has more"
        return self._shown(str(error))

    def _shown(self, text: str) -> str:
        """`text` without the folders of this machine."""
        for root in (self._store.place, self._store.root, self._store.root.absolute(), self._store.root.resolve()):
            # it may hold a space, or begin with no slash
            text = text.replace(str(root), "…")
        return _path.sub("…", text)


def _name_in(ref: str) -> str:
    """What a model is called until its bundle says so itself."""
    if ref.startswith("s3:"):
        return ref.partition("/models/")[2].partition("/")[0] or "s3"
    for sign in "@:":
        name = ref.partition(sign)[0]
        if is_name(name):
            return name
    return Path(ref).resolve().name
