"""All versions with their states and aliases, for `tabi models` and `tabi show`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection

from tabi.errors import NotFoundError, TabiError
from tabi.registry import journal
from tabi.registry.heal import heal
from tabi.registry.mirror import is_behind, mirror
from tabi.registry.room import Room
from tabi.registry.traffic import tried_by
from tabi.registry.versions import Version, version_with, versions_of
from tabi.store import Store
from tabi.workspace import Workspace

DIGITS = 12
HEADLINE = ("auc", "acc", "r2", "rmse", "f1")
"""The figures that a table has room for."""


@dataclass(frozen=True)
class Listed:
    """A version with the aliases that mean it."""

    version: Version
    aliases: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """For `--json`."""
        return {**asdict(self.version), "metrics": self.version.figures, "aliases": list(self.aliases)}


def models(workspace: Workspace, name: str | None = None) -> tuple[list[Listed], list[str]]:
    """The versions of a model, or of all; and what was mended on the way, or could not be, in words."""
    room = Room.open(workspace)
    with room.database.reading() as connection:
        known = versions_of(connection, name)
    if name is not None and not known:
        raise NotFoundError(f"{name} has no version: run `tabi release {name}` first")
    notes: list[str] = []
    for each in sorted({version.name for version in known}):
        notes += _mended(room, each)
    with room.database.reading() as connection:
        known = versions_of(connection, name)
    return [Listed(version, aliases_of(room, known, version)) for version in known], notes


def aliases_of(room: Room, known: Iterable[Version], version: Version) -> tuple[str, ...]:
    """The aliases that mean a version."""
    stored = room.store.policy(version.name)
    challenger = tried_by(room, version.name, [each for each in known if each.name == version.name])
    means = {
        "champion": stored.policy.champion.version if stored else None,
        "previous": stored.policy.previous.version if stored and stored.policy.previous else None,
        "challenger": challenger.version if challenger else None,
    }
    return tuple(alias for alias, number in means.items() if number == version.version)


def table_of(listed: Sequence[Listed]) -> Iterator[str]:
    """A line a version, in columns."""
    rows = [("MODEL", "VERSION", "BUNDLE", "STATE", "ALIASES", "METRICS", "RELEASED", "BY")]
    rows += [
        (
            v.name,
            str(v.version),
            v.bundle[:DIGITS],
            v.state,
            ", ".join(aliases) or "–",
            " ".join(f"{name} {v.figures[name]:.4f}" for name in HEADLINE if name in v.figures) or "–",
            v.released_at[:16].replace("T", " "),
            v.released_by,
        )
        for v, aliases in ((each.version, each.aliases) for each in listed)
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def governance_lines(workspace: Workspace, name: str, bundle: str) -> Iterator[str]:
    """What the registry knows of a bundle, a line a fact; nothing of one that was never registered here."""
    if bundle not in Store(workspace.models).versions(name).versions.bundles.values():
        return
    room = Room.open(workspace)
    with room.database.reading() as connection:
        known = versions_of(connection, name)
        version = version_with(connection, name, bundle)
        moves = [] if version is None else _moves_of(connection, version)
    if version is None:
        return
    aliases = aliases_of(room, known, version)
    named = f" ({', '.join(aliases)})" if aliases else ""
    yield f"registered {version.ref}, {version.state}{named}"
    trained = f", trained by {version.trained_by}" if version.trained_by else ""
    yield f"released   {version.released_at[:19]} by {version.released_by}{trained}"
    if version.judged_by:
        verdict = "rejected" if version.state == "rejected" else "approved"
        yield f"{verdict}   {version.judged_at[:19]} by {version.judged_by}: {version.reason}"
    yield from moves


def _moves_of(connection: Connection, version: Version) -> list[str]:
    done = journal.at_stage(connection, version.name, "decided", "published", "mirrored")
    return [
        f"{'promoted' if each.kind == 'promote' else 'returned'}   {each.at[:19]} by {each.actor}"
        f"{f': {each.reason}' if each.reason else ''}"
        for each in done
        if each.kind in journal.MOVES and each.version == version.version
    ]


def _mended(room: Room, name: str) -> list[str]:
    """Finish what was cut. A store that cannot be written, or is broken, stops no list."""
    try:
        notes = heal(room, name)
        return notes + (mirror(room, name) if is_behind(room, name) else [])
    except TabiError as error:
        return [str(error)]
