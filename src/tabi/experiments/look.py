"""`tabi experiment status`: a reading of an open experiment, with its evidence; the last one of one that is stopped."""

from __future__ import annotations

import msgspec

from tabi.errors import NotFoundError, StateError
from tabi.experiments import history
from tabi.experiments.divide import divides
from tabi.experiments.history import Kept
from tabi.experiments.record import record
from tabi.experiments.status import Reading, read
from tabi.registry.room import Room
from tabi.workspace import Workspace


def look(workspace: Workspace, name: str, number: int | None = None) -> tuple[Kept, Reading]:
    """The experiment of that number, else the newest, and what it says."""
    room = Room.open(workspace)
    kept = history.one(room, name, number)
    if kept.state == "stopped":
        return kept, _last(kept)
    reading = read(workspace, kept)
    if not divides(room, kept):
        note = "the policy does not divide the units any more: somebody promoted or rolled back, or it was cut; stop it"
        reading = msgspec.structs.replace(reading, notes=[note, *reading.notes])
    record(workspace, kept, reading)
    return kept, reading


def _last(kept: Kept) -> Reading:
    if not kept.result:
        raise NotFoundError(f"{kept.ref} of {kept.name} was stopped before its first unit: {kept.reason}")
    try:
        return msgspec.json.decode(kept.result, type=Reading)
    except msgspec.MsgspecError as error:
        raise StateError(f"{kept.ref} of {kept.name} has no result that this Tabi knows: look with --json") from error
