"""Rollback: back to the version that was live before, in one step.

It needs the store and the state database. The bundle that answers now may be corrupt or gone, MLflow down or without
the version: nothing of either is read. MLflow's aliases follow with the next command that imports it, for importing it
takes longer than all the rest.
"""

from __future__ import annotations

from tabi.errors import ConflictError, NotFoundError
from tabi.policy import Assigned, BlueGreen, Policy
from tabi.registry import journal
from tabi.registry.approval import require_reason
from tabi.registry.heal import heal
from tabi.registry.identity import require_role, whoami
from tabi.registry.promote import Moved, begin
from tabi.registry.room import Room
from tabi.registry.traffic import carry_out
from tabi.registry.versions import Version, version_of
from tabi.workspace import Workspace


def rollback(workspace: Workspace, name: str, to: int | None = None, reason: str = "") -> Moved:
    """Return to the version before the champion, or to the number `to`, which must have been live before.

    While a canary, a shadow or an experiment tries others beside the champion, that ends, and the champion answers all.
    A second rollback goes one version further back, and never to what was rolled away: `tabi promote` does that.
    `NotFoundError` if there is none before, `BundleError` if the target's bundle is not whole.
    """
    said = require_reason(reason)
    actor = whoami(workspace)
    require_role(actor, "operator")
    room = Room.open(workspace)
    notes = heal(room, name, point=False)
    stored = room.store.policy(name)
    if stored is None:
        raise NotFoundError(f"{name} has no champion: run `tabi promote {name}` first")
    champion = stored.policy.champion
    with room.database.reading() as connection:
        way = journal.way_of(connection, name)
        target = version_of(connection, name, _target(stored.policy, to))
    aim = Assigned(target.version, target.bundle)
    if aim != champion:
        _require_lived(target, way, stored.policy.previous)
    problem = room.bundle(target).signed.problem
    previous = stored.policy.previous if aim == champion else _before(way, aim)
    operation = begin(room, "rollback", target, actor, said, previous=previous, seen=stored.policy.revision)
    carry_out(room, operation)
    return Moved(name, target.version, target.bundle, champion.version, True, (*notes, *([problem] if problem else [])))


def _target(policy: Policy, to: int | None) -> int:
    name, champion, previous = policy.name, policy.champion, policy.previous
    if policy.beside and (to == champion.version or (to is None and _tries(policy))):
        return champion.version
    if to == champion.version:
        raise ConflictError(f"{name}:{to} is the champion already: name another version with --to")
    if to is not None:
        return to
    if previous is None:
        raise NotFoundError(
            f"{name}:{champion.version} was the first that was live, nothing is before it: promote another version"
        )
    return previous.version


def _tries(policy: Policy) -> bool:
    """Whether something is being tried; a switch that was made is no trial any more, and is taken back."""
    return not (isinstance(policy, BlueGreen) and policy.idle == policy.previous)


def _require_lived(target: Version, way: list[Assigned], previous: Assigned | None) -> None:
    aim = Assigned(target.version, target.bundle)
    if target.state == "rejected":
        raise ConflictError(f"{target.ref} was rejected ({target.reason}): name another version with --to")
    if aim not in way and aim != previous and target.state != "retired":
        raise ConflictError(f"{target.ref} was never live: run `tabi promote {target.name} {target.version}` instead")


def _before(way: list[Assigned], aim: Assigned) -> Assigned | None:
    """What was live before the target came to be."""
    if aim not in way:
        return None
    last = len(way) - 1 - way[::-1].index(aim)
    return way[last - 1] if last else None
