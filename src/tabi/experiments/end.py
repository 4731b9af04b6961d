"""Ending an experiment: ship an arm, by the rules of any promotion, or go back to the champion. Then it is kept why."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from tabi.errors import ConfigError, ConflictError
from tabi.evidence import Record, append
from tabi.experiments import history
from tabi.experiments.divide import undivide
from tabi.experiments.history import Kept
from tabi.experiments.record import record
from tabi.experiments.status import Reading, read
from tabi.registry.approval import require_reason
from tabi.registry.identity import require_role, whoami
from tabi.registry.promote import promote
from tabi.registry.room import Room
from tabi.workspace import Workspace


class Ended(NamedTuple):
    """The experiment with its decision, what it said at last, and what else there is to know."""

    kept: Kept
    reading: Reading
    notes: list[str]


def stop(workspace: Workspace, name: str, ship: str | None, reason: str) -> Ended:
    """End the open experiment of a model. `ship`: the arm that answers all from now on; None: the champion as before.

    The arm is promoted first, which may be refused; then the experiment goes on. What was cut can be done again.
    """
    said = require_reason(reason)
    actor = whoami(workspace)
    require_role(actor, "operator")
    room = Room.open(workspace)
    kept = history.one(room, name)
    if kept.state == "stopped":
        raise ConflictError(f"{kept.ref} of {name} was stopped by {kept.decided_by}: {kept.reason}")
    design = kept.plan
    shipped = {arm.name: arm for arm in design.arms}.get(ship) if ship else None
    if ship and shipped is None:
        raise ConfigError(f"{kept.ref} has no arm {ship[:64]!r}: it has {', '.join(arm.name for arm in design.arms)}")
    reading = read(workspace, kept)
    notes: list[str] = []
    if shipped is not None and shipped.version != design.control.version:
        notes += promote(workspace, name, shipped.version, f"{kept.ref}: {said}").notes
    notes += undivide(room, kept, said)
    decision = shipped.name if shipped else ""
    ended = history.stopped(room, kept, actor, decision, said, msgspec.json.encode(reading).decode())
    record(workspace, ended, reading)
    append(
        workspace.evidence,
        Record(
            kind="experiment",
            subject=name,
            verdict="pass",
            inputs={"experiment": kept.ref},
            figures={"decision": decision or "back", "reason": said, "by": actor.name, "line": reading.line},
        ),
    )
    return Ended(ended, reading, notes)
