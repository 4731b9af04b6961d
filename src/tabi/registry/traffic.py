"""Moving traffic: policy, `latest`, states and version numbers, in steps that can be cut and done again by anybody.

The policy document is the one write that decides: before it nothing has happened, after it everything else follows. So
there is a champion at every moment, and one. Each step looks first whether it was done, and two processes that carry
out the same operation do no harm to each other.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import Connection

from tabi.errors import ConflictError
from tabi.evidence import Record, append
from tabi.policy import Policy, Single, challenger_in, read_policy
from tabi.registry import journal
from tabi.registry.journal import Operation
from tabi.registry.room import Room
from tabi.registry.versions import Version, challenger_of, live_of, make_live, versions_of
from tabi.store import Versions

# more losses in a row than writers could cause by chance
ATTEMPTS = 50


def carry_out(room: Room, operation: Operation) -> None:
    """Every step of an operation that was begun. `ConflictError` if another one came first: then it is abandoned."""
    write_policy(room, operation)
    follow_policy(room, operation.name)
    settle(room, operation)
    publish(room, operation)


def write_policy(room: Room, operation: Operation) -> None:
    """The step that decides."""
    for _ in range(ATTEMPTS):
        stored = room.store.policy(operation.name)
        if stored is not None and stored.policy.operation == operation.id:
            return
        if stored is not None and stored.policy.revision >= operation.revision:
            _overtaken(room, operation)
            return
        try:
            room.store.set_policy(policy_of(operation), stored)
        except ConflictError:
            continue
        return
    raise ConflictError(f"the policy of {operation.name} is being changed by others all the time: try again")


def policy_of(operation: Operation) -> Policy:
    """What an operation writes."""
    if operation.policy:
        return read_policy(operation.policy.encode(), f"the journal's policy of {operation.name}")
    return Single(
        name=operation.name,
        champion=operation.champion,
        previous=operation.before,
        revision=operation.revision,
        operation=operation.id,
        at=operation.at,
        by=operation.actor,
    )


def follow_policy(room: Room, name: str) -> None:
    """Point `latest` to the champion, whoever moves either of the two meanwhile."""
    for _ in range(ATTEMPTS):
        stored = room.store.policy(name)
        if stored is None:
            return
        try:
            room.store.point_latest(name, stored.policy.champion.bundle)
        except ConflictError:
            continue
        # by now it may say another one, and whoever wrote that may not come back
        if room.store.policy(name) == stored:
            return
    raise ConflictError(f"latest of {name} is being moved by others all the time: try again")


def settle(room: Room, operation: Operation) -> None:
    """States and audit trail follow the policy, in one transaction."""
    with room.transaction() as begun:
        if journal.stage_of(begun.connection, operation) != "begun":
            return
        policy = policy_of(operation)
        before = _champion_now(begun.connection, operation)
        journal.advance(begun.connection, operation, "decided")
        begun.record(
            actor=operation.by,
            action=operation.kind,
            object=f"{operation.name}:{operation.version}",
            before={"champion": before},
            after={
                "champion": policy.champion.version,
                "bundle": operation.bundle,
                "revision": operation.revision,
                "operation": operation.id,
                **({} if policy.kind == "single" else {"policy": _told(policy)}),
            },
            reason=operation.reason,
        )


def _champion_now(connection: Connection, operation: Operation) -> int | None:
    """The states follow where the champion may be another one; the champion before."""
    if operation.kind in journal.MOVES:
        return make_live(connection, operation.name, operation.version)
    live = live_of(versions_of(connection, operation.name))
    return None if live is None else live.version


def _told(policy: Policy) -> dict[str, Any]:
    """What a policy says of traffic, for people who read the trail."""
    common = {"name", "champion", "previous", "revision", "operation", "at", "by"}
    found: dict[str, Any] = msgspec.to_builtins(policy)
    return {key: value for key, value in found.items() if key not in common}


def publish(room: Room, operation: Operation) -> None:
    """Version numbers in the store, and evidence. Cut and done again, the evidence tells the same operation twice."""
    publish_numbers(room, operation.name)
    append(
        room.workspace.evidence,
        Record(
            kind=_record_kind(operation),
            subject=operation.name,
            verdict="pass",
            inputs={"bundle": operation.bundle, "operation": operation.id},
            figures={
                "version": operation.version,
                "previous": operation.previous,
                "revision": operation.revision,
                "by": operation.actor,
                "reason": operation.reason,
                **({"policy": operation.kind} if operation.kind in journal.STEERS else {}),
            },
        ),
    )
    with room.transaction() as begun:
        if journal.stage_of(begun.connection, operation) == "decided":
            journal.advance(begun.connection, operation, "published")


def _record_kind(operation: Operation) -> str:
    # a release has a record of its own, with the gates' verdicts, and so has a rollout, with its steps
    if operation.kind in journal.STEERS:
        return "policy"
    return "register" if operation.kind == "release" else operation.kind


def publish_numbers(room: Room, name: str) -> None:
    """Write what references by number need into the store, if it is not there yet."""
    for _ in range(ATTEMPTS):
        # looked at first: who wrote between the two looks is seen by compare-and-set
        seen = room.store.versions(name)
        with room.database.reading() as connection:
            known = versions_of(connection, name)
        challenger = tried_by(room, name, known)
        wanted = Versions({v.version: v.bundle for v in known}, challenger.version if challenger else None)
        if seen.versions == wanted:
            return
        try:
            room.store.set_versions(name, wanted, seen)
        except ConflictError:
            continue
        return
    raise ConflictError(f"the versions of {name} are being changed by others all the time: try again")


def tried_by(room: Room, name: str, known: Iterable[Version]) -> Version | None:
    """The challenger: the version that the policy tries beside the champion, else the newest that waits."""
    stored = room.store.policy(name)
    assigned = None if stored is None else challenger_in(stored.policy)
    if assigned is None:
        return challenger_of(known)
    return next((version for version in known if version.bundle == assigned.bundle), None)


def abandon(room: Room, operation: Operation, why: str) -> None:
    """Give up an operation that the policy does not know."""
    with room.transaction() as begun:
        if journal.stage_of(begun.connection, operation) != "begun":
            return
        journal.advance(begun.connection, operation, "abandoned")
        begun.record(
            actor=operation.by,
            action=f"{operation.kind} abandoned",
            object=f"{operation.name}:{operation.version}",
            after={"operation": operation.id, "why": why},
            reason=operation.reason,
        )


def _overtaken(room: Room, operation: Operation) -> None:
    """The policy is further. If somebody else finished the operation before that, all is well."""
    with room.database.reading() as connection:
        stage = journal.stage_of(connection, operation)
    if stage in {"begun", "abandoned"}:
        abandon(room, operation, "another operation was first")
        raise ConflictError(
            f"somebody else changed the policy of {operation.name} first: look with `tabi models {operation.name}`"
        )
