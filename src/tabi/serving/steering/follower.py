"""Keeps what a policy needs beside the champion loaded, and divides requests once all of it is.

Whatever cannot be loaded, the champion answers everything, and `problem` says why.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic, perf_counter

from tabi.errors import TabiError
from tabi.policy import Assigned, Policy, Shadow
from tabi.serving.messages import PolicyStatus, VersionStatus
from tabi.serving.slot import Slot
from tabi.serving.steering.pool import Pool, Target, target_of
from tabi.serving.steering.steerer import Steerer, held_here
from tabi.serving.steering.steering import Steering
from tabi.store import Followed

# before a version that could not be loaded is tried again
RETRY_SECONDS = 10.0

_log = logging.getLogger("tabi.serving")


class Follower:
    """Of one model. `build` loads and warms a bundle. `steering`: how requests are divided now, None: not at all.

    One thread at a time calls it; any may read `steering`.
    """

    def __init__(self, pool: Pool, build: Callable[[Path], Slot], steerer: Steerer | None) -> None:
        self.steering: Steering | None = None
        self.problem: str | None = None
        self.wanted: frozenset[Target] = frozenset()
        self._pool = pool
        self._build = build
        self._steerer = steerer
        self._versions: dict[Target, VersionStatus] = {}
        self._failed: dict[Target, tuple[float, str]] = {}
        self._applied: tuple[Policy, tuple[int, ...]] | None = None
        self._policy: Policy | None = None

    @property
    def status(self) -> PolicyStatus | None:
        """The policy that is followed, and what is loaded for it beside the champion."""
        if self._policy is None:
            return None
        return PolicyStatus(self._policy.kind, self._policy.revision, list(self._versions.values()))

    def expect(self, found: Followed | None) -> None:
        """What the policy needs must not be let go while the champion changes."""
        self.wanted = frozenset() if found is None or self._steerer is None else _targets(found)

    def follow(self, found: Followed | None, champion: Slot, target: Target) -> None:
        """Load what is missing and divide by the policy. None: no policy is followed."""
        self._policy = None if found is None else found.policy
        if found is None or self._steerer is None or champion.model.version != found.policy.champion.bundle:
            # of a champion that could not be loaded, the model itself tells
            self._stop(target)
            return
        slots, targets, problems = {found.policy.champion: champion}, {target}, []
        for assigned in held_here(found.policy):
            try:
                there = target_of(found.folder(assigned))
                slots[assigned] = self._loaded(there, assigned)
                targets.add(there)
            except Exception as error:  # noqa: BLE001  the champion answers, and it may go better at the next look
                problems.append(f"version {assigned.version} of its {found.policy.kind} policy: {_said(error)}")
        self._note(problems)
        if problems:
            self._applied, self.steering = None, None
        else:
            self._divide(found, slots)
        self.wanted = frozenset(targets)
        self._versions = {there: told for there, told in self._versions.items() if there in targets - {target}}
        self._pool.keep(targets)

    def _stop(self, target: Target) -> None:
        if self._applied is not None and self._steerer is not None:
            self._steerer.released(self._applied[0].name)
        self.steering, self._applied, self.problem, self._versions = None, None, None, {}
        self.wanted = frozenset()
        self._pool.keep({target})

    def _divide(self, found: Followed, slots: dict[Assigned, Slot]) -> None:
        assert self._steerer is not None  # noqa: S101  narrows what `follow` has looked at
        now = found.policy, tuple(id(slot) for slot in slots.values())
        if now == self._applied:
            return
        challenger = found.folder(found.policy.challenger) if isinstance(found.policy, Shadow) else None
        self.steering = self._steerer.steering(found.policy, slots, challenger)
        self._applied = now

    def _loaded(self, target: Target, assigned: Assigned) -> Slot:
        slot = self._pool.get(target)
        if slot is None:
            slot = self._load(target, assigned)
        elif target not in self._versions:
            # it was the champion until now
            self._versions[target] = VersionStatus(assigned.version, assigned.bundle)
        return slot

    def _load(self, target: Target, assigned: Assigned) -> Slot:
        until, said = self._failed.get(target, (0.0, ""))
        if monotonic() < until:
            raise TabiError(said)
        began, before = perf_counter(), _resident()
        try:
            slot = self._build(target.folder)
        except Exception as error:
            self._failed[target] = monotonic() + RETRY_SECONDS, _said(error)
            raise
        self._failed.pop(target, None)
        self._pool.put(target, slot)
        took, grown = (perf_counter() - began) * 1000, max(_resident() - before, 0)
        self._versions[target] = VersionStatus(assigned.version, assigned.bundle, took, grown)
        _log.info(
            "version %d of %s is loaded beside the champion: %.0f ms, %.1f MiB more",
            assigned.version, slot.model.name, took, grown / 2**20,
        )  # fmt: skip
        return slot

    def _note(self, problems: list[str]) -> None:
        said = "; ".join(problems) or None
        if said is not None and said != self.problem:
            _log.error("the champion answers everything: %s", said)
        self.problem = said


def _targets(found: Followed) -> frozenset[Target]:
    targets = set()
    for assigned in (found.policy.champion, *held_here(found.policy)):
        with suppress(TabiError, OSError):
            targets.add(target_of(found.folder(assigned)))
    return frozenset(targets)


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, (TabiError, OSError)) else f"unexpected {type(error).__name__}"


def _resident() -> int:
    """Bytes of memory that this process has; 0 where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0
