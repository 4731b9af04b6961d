"""The end of a release: the bundle becomes a version, and the champion where nobody's approval is needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tabi.bundle import Bundle
from tabi.registry.approval import rules_of
from tabi.registry.heal import heal
from tabi.registry.identity import Identity
from tabi.registry.mirror import mirror
from tabi.registry.promote import Moved, promote_version
from tabi.registry.register import register
from tabi.registry.room import Room
from tabi.registry.versions import Version, version_of
from tabi.training.runs import Run


class Ready(NamedTuple):
    """What was finished of what was cut before, in words, and the revision of the policy that a release goes by."""

    notes: list[str]
    revision: int


def heal_first(room: Room, name: str) -> Ready:
    """Finish what was cut before, so that the release sees the champion that there is."""
    notes = heal(room, name)
    stored = room.store.policy(name)
    return Ready(notes, 0 if stored is None else stored.policy.revision)


def offer(
    room: Room, bundle: Bundle, run: Run, actor: Identity, ready: Ready, say: Callable[[str], None]
) -> tuple[Version, Moved | None]:
    """Register a bundle, and promote it unless the project requires an approval or somebody rejected it."""
    notes = ready.notes
    version = register(room, bundle, run.trained_by, actor)
    moved = None
    if version.state == "rejected":
        notes.append(f"rejected by {version.judged_by}: {version.reason}")
    if version.state == "rejected" or (rules_of(room.workspace, bundle.name).required and version.state != "live"):
        notes += mirror(room, bundle.name)
    elif (trying := _trying(room, bundle.name)) is not None:
        notes += [
            f"{trying} is under way, which a release does not end: `tabi promote` does",
            *mirror(room, bundle.name),
        ]
    else:
        moved = promote_version(room, version, actor, "released", notes, ready.revision)
        notes = list(moved.notes)
    with room.database.reading() as connection:
        version = version_of(connection, bundle.name, version.version)
    for note in notes:
        say(f"note     {note}")
    say(f"version  {version.ref}, {version.state}{_next(version)}")
    return version, moved


def _trying(room: Room, name: str) -> str | None:
    """What is being tried beside the champion, in words."""
    stored = room.store.policy(name)
    return None if stored is None or stored.policy.kind == "single" else f"a {stored.policy.kind} policy of {name}"


def _next(version: Version) -> str:
    if version.state == "candidate":
        return f": `tabi approve {version.name} {version.version} --reason …`, then `tabi promote {version.name}`"
    return f": `tabi promote {version.name} {version.version}`" if version.state in {"approved", "retired"} else ""
