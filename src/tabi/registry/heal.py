"""Healing: whatever was cut is finished by the next command, and what should agree is made to agree.

The policy document says who is champion. Where it is lost, the state database does.
"""

from __future__ import annotations

from tabi.bundle import Bundle
from tabi.errors import ConflictError, TabiError
from tabi.policy import Assigned, Single
from tabi.registry import journal
from tabi.registry.journal import Operation
from tabi.registry.room import Room
from tabi.registry.traffic import abandon, carry_out, follow_policy, publish, publish_numbers, settle
from tabi.registry.versions import live_of, make_live, version_with, versions_of


def heal(room: Room, name: str, *, point: bool = True) -> list[str]:
    """Finish and mend; what was done, in words, and what could not be.

    `point`: whether `latest` follows now, which needs the champion's bundle. A rollback moves it in a moment anyway.
    """
    with room.database.reading() as connection:
        begun = journal.at_stage(connection, name, "begun")
    notes = [_finish(room, operation) for operation in begun]
    notes += _restore_policy(room, name)
    notes += _point(room, name) if point else []
    notes += _agree(room, name)
    with room.database.reading() as connection:
        decided = journal.at_stage(connection, name, "decided")
    for operation in decided:
        publish(room, operation)
    publish_numbers(room, name)
    return notes


def _finish(room: Room, operation: Operation) -> str:
    """Carry out what was begun; give it up where the policy does not know of it and its bundle is broken."""
    what = f"{operation.kind} of {operation.name}:{operation.version}, which was cut"
    stored = room.store.policy(operation.name)
    if stored is not None and stored.policy.operation == operation.id:
        # its bundle may be broken by now, which must not stop a rollback
        settle(room, operation)
        return f"finished the {what}"
    try:
        Bundle.open(room.store.open_path(operation.name, operation.bundle))
    except TabiError as error:
        abandon(room, operation, str(error))
        return f"gave up the {what}: its bundle is not whole"
    try:
        carry_out(room, operation)
    except ConflictError as error:
        return str(error)
    return f"finished the {what}"


def _restore_policy(room: Room, name: str) -> list[str]:
    """A store that lost its policy, or never had it, gets the one that the states tell of."""
    if room.store.policy(name) is not None:
        return []
    with room.database.reading() as connection:
        live = live_of(versions_of(connection, name))
        way = journal.way_of(connection, name)
        revision = journal.last_revision(connection, name)
    if live is None or live.bundle not in room.store.snapshots(name):
        return []
    champion = Assigned(live.version, live.bundle)
    previous = way[-2] if len(way) > 1 and way[-1] == champion else None
    policy = Single(name=name, champion=champion, previous=previous, revision=revision + 1, by="tabi")
    room.store.set_policy(policy, None)
    return [f"wrote the policy of {name} again, which was missing"]


def _point(room: Room, name: str) -> list[str]:
    """`latest` follows the policy."""
    try:
        follow_policy(room, name)
    except TabiError as error:
        return [f"the champion's bundle cannot be pointed to ({error}): run `tabi rollback {name}`"]
    return []


def _agree(room: Room, name: str) -> list[str]:
    """The states follow the policy."""
    stored = room.store.policy(name)
    if stored is None:
        return []
    champion = stored.policy.champion
    with room.database.reading() as connection:
        live = live_of(versions_of(connection, name))
        known = version_with(connection, name, champion.bundle)
        begun_here = journal.at_stage(connection, name, "begun")
    if known is not None and (live is None or live.version != known.version) and not begun_here:
        with room.transaction() as begun:
            before = make_live(begun.connection, name, known.version)
            begun.record(
                actor=journal.HEALER,
                action="heal",
                object=known.ref,
                before={"champion": before},
                after={"champion": known.version, "revision": stored.policy.revision},
                reason="the policy document says so",
            )
        return [f"made {known.ref} live, as the policy says"]
    return []
