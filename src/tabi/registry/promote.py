"""Promotion: a version becomes champion, in one operation over policy, `latest`, states and MLflow's aliases."""

from __future__ import annotations

from dataclasses import dataclass

from tabi.errors import ConflictError, NotFoundError
from tabi.policy import Assigned, Policy
from tabi.registry import journal
from tabi.registry.approval import require_approved, rules_of
from tabi.registry.heal import heal
from tabi.registry.identity import Identity, require_role, whoami
from tabi.registry.journal import Kind, Operation
from tabi.registry.mirror import mirror
from tabi.registry.room import Room
from tabi.registry.traffic import carry_out, tried_by
from tabi.registry.versions import Version, version_of
from tabi.workspace import Workspace


@dataclass(frozen=True)
class Moved:
    """Where traffic goes now: the version, the number before it, and what else there is to know.

    `changed`: whether it went elsewhere before.
    """

    name: str
    version: int
    bundle: str
    before: int | None
    changed: bool
    notes: tuple[str, ...]


def promote(workspace: Workspace, name: str, number: int | None = None, reason: str = "") -> Moved:
    """Make a version champion, the challenger where no number is given. What was cut before is finished first.

    `ConflictError` if it is rejected, or not approved where the project requires it, or if somebody else is first;
    `BundleError` if its bundle is not whole, `SignatureError` if it is not trusted: then nothing has changed.
    """
    actor = whoami(workspace)
    require_role(actor, "operator")
    room = Room.open(workspace)
    notes = heal(room, name)
    target = tried_by(room, name, room.versions(name))
    if number is not None:
        with room.database.reading() as connection:
            target = version_of(connection, name, number)
    if target is None:
        raise NotFoundError(f"{name} has no challenger: name the version to promote, `tabi models {name}` lists them")
    return promote_version(room, target, actor, reason, notes)


def promote_version(
    room: Room, target: Version, actor: Identity, reason: str, notes: list[str], seen: int | None = None
) -> Moved:
    """The same for a version at hand. `seen`: the revision of the policy that the caller went by, if it did."""
    require_approved(rules_of(room.workspace, target.name), target)
    problem = room.bundle(target).signed.problem
    stored = room.store.policy(target.name)
    revision = 0 if stored is None else stored.policy.revision
    if seen is not None and revision != seen:
        raise ConflictError(
            f"somebody else changed the policy of {target.name} first: {target.ref} waits, "
            f"`tabi promote {target.name} {target.version}` makes it champion"
        )
    before = None if stored is None else stored.policy.champion
    champion = Assigned(target.version, target.bundle)
    tried = stored is not None and stored.policy.kind != "single"
    if tried and stored is not None and before == champion:
        # the champion wins over what was tried beside it
        previous = stored.policy.previous
        carry_out(room, begin(room, "promote", target, actor, reason, previous=previous, seen=revision))
    elif before != champion:
        carry_out(room, begin(room, "promote", target, actor, reason, previous=before, seen=revision))
    if tried and stored is not None:
        notes = [*notes, f"the {stored.policy.kind} policy has ended: {target.ref} answers everything"]
    notes = [*notes, *([problem] if problem else []), *mirror(room, target.name)]
    return Moved(
        target.name, target.version, target.bundle, before.version if before else None, before != champion, tuple(notes)
    )


def resume(workspace: Workspace, name: str) -> list[str]:
    """Finish what was cut; what was done, in words."""
    require_role(whoami(workspace), "operator")
    room = Room.open(workspace)
    room.versions(name)
    return [*heal(room, name), *mirror(room, name)]


def begin(  # noqa: PLR0913
    room: Room,
    kind: Kind,
    target: Version,
    actor: Identity,
    reason: str,
    *,
    previous: Assigned | None,
    seen: int,
    draft: Policy | None = None,
) -> Operation:
    """Write into the journal what is to happen. `ConflictError` while another operation on the model is under way."""
    with room.transaction() as begun:
        if journal.at_stage(begun.connection, target.name, "begun"):
            raise ConflictError(
                f"another operation on {target.name} began in this moment: look with `tabi models {target.name}`"
            )
        revision = max(seen, journal.last_revision(begun.connection, target.name)) + 1
        return journal.write(
            begun.connection, kind, target, actor, reason, previous=previous, revision=revision, draft=draft
        )
