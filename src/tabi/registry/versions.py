"""Versions of models and their states, as the state database holds them.

candidate → approved → live → retired; a version that is not live can be rejected, and a judgement can be changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Literal

from sqlalchemy import Connection, insert, select, update

from tabi.errors import NotFoundError
from tabi.state.tables import versions

State = Literal["candidate", "approved", "live", "retired", "rejected"]

# what may become champion next
WAITING = frozenset({"candidate", "approved"})


@dataclass(frozen=True)
class Version:
    """A bundle under its number. `metrics` is JSON; `judged_by` approved or rejected it, for `reason`."""

    name: str
    version: int
    bundle: str
    run: str
    snapshot: str
    state: State
    metrics: str
    trained_by: str
    released_by: str
    released_at: str
    judged_by: str = ""
    judged_at: str = ""
    reason: str = ""

    @property
    def ref(self) -> str:
        """How commands name it, and the audit trail."""
        return f"{self.name}:{self.version}"

    @property
    def figures(self) -> dict[str, float]:
        """The metrics on the test set."""
        found: dict[str, float] = json.loads(self.metrics)
        return found


def versions_of(connection: Connection, name: str | None = None) -> list[Version]:
    """The versions of a model, or of all, by name and number."""
    query = select(*(versions.c[field.name] for field in fields(Version))).order_by(versions.c.name, versions.c.version)
    if name is not None:
        query = query.where(versions.c.name == name)
    return [Version(*row) for row in connection.execute(query)]


def version_of(connection: Connection, name: str, number: int) -> Version:
    """One version; `NotFoundError` tells what there is instead."""
    known = versions_of(connection, name)
    for version in known:
        if version.version == number:
            return version
    listed = ", ".join(str(version.version) for version in known[-10:]) or "none yet, release one first"
    raise NotFoundError(f"{name} has no version {number}: it has {listed}")


def version_with(connection: Connection, name: str, bundle: str) -> Version | None:
    """The version that is this bundle."""
    return next((version for version in versions_of(connection, name) if version.bundle == bundle), None)


def live_of(known: Iterable[Version]) -> Version | None:
    """The version that is live."""
    return next((version for version in known if version.state == "live"), None)


def challenger_of(known: Iterable[Version]) -> Version | None:
    """The newest version that waits, if it is newer than the one that is live."""
    known = list(known)
    live = live_of(known)
    waiting = [v for v in known if v.state in WAITING and (live is None or v.version > live.version)]
    return waiting[-1] if waiting else None


def add(connection: Connection, version: Version) -> None:
    """A new row."""
    connection.execute(insert(versions).values({f.name: getattr(version, f.name) for f in fields(Version)}))


def judge(connection: Connection, version: Version, state: State, by: str, at: str, reason: str) -> None:
    """Keep who approved or rejected a version, and why."""
    _update(connection, version.name, version.version, state=state, judged_by=by, judged_at=at, reason=reason)


def make_live(connection: Connection, name: str, number: int) -> int | None:
    """The version is live and the one before is retired, in this order of two statements; the number before."""
    before = live_of(versions_of(connection, name))
    if before is not None and before.version != number:
        _update(connection, name, before.version, state="retired")
    _update(connection, name, number, state="live")
    return None if before is None else before.version


def _update(connection: Connection, name: str, number: int, **values: str) -> None:
    connection.execute(update(versions).where(versions.c.name == name, versions.c.version == number).values(**values))
