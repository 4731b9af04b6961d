"""The experiments of a model, in the state database; each change is told to the audit trail in its own transaction.

begun    the design is kept, and the policy is about to follow it
running  the policy divides the units
stopped  it was decided, by whom and why, with the last status
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

from sqlalchemy import Connection, func, insert, select, update

from tabi.errors import ConflictError, NotFoundError
from tabi.evidence import now
from tabi.experiments.design import Design, read_design
from tabi.registry.audit import Transaction
from tabi.registry.identity import Identity
from tabi.registry.room import Room
from tabi.state.tables import experiments

State = Literal["begun", "running", "stopped"]


@dataclass(frozen=True)
class Kept:
    """A row. `salt` divides the units; `decision`: the arm that was shipped, empty while none was; `result` is JSON."""

    name: str
    number: int
    state: State
    salt: str
    design: str
    by: str
    at: str
    started_at: str = ""
    decided_by: str = ""
    ended_at: str = ""
    decision: str = ""
    reason: str = ""
    result: str = ""

    @property
    def ref(self) -> str:
        """How people and the policy name it."""
        return f"experiment-{self.number}"

    @property
    def plan(self) -> Design:
        """The design; `StateError` if this Tabi does not know its form."""
        return read_design(self.design, f"{self.ref} of {self.name}")

    def document(self) -> dict[str, Any]:
        """As JSON holds it."""
        found = asdict(self) | {"experiment": self.ref, "design": json.loads(self.design)}
        return found | {"result": json.loads(self.result) if self.result else None}


_COLUMNS = [experiments.c[field.name] for field in fields(Kept)]


def begin(room: Room, name: str, design: Design, actor: Identity) -> Kept:
    """Keep a design under the next number. `ConflictError` while another experiment of the model is open."""
    with room.transaction() as begun:
        is_open = open_one(begun.connection, name)
        if is_open is not None:
            raise ConflictError(
                f"{is_open.ref} of {name} is {is_open.state}: end it with `tabi experiment stop {name}` first"
            )
        last = begun.connection.execute(
            select(func.max(experiments.c.number)).where(experiments.c.name == name)
        ).scalar()
        kept = Kept(name, (last or 0) + 1, "begun", uuid.uuid4().hex, design.to_json(), actor.name, now())
        begun.connection.execute(insert(experiments).values(asdict(kept)))
        after = {"state": "begun", "arms": {arm.name: arm.version for arm in design.arms}}
        _record(begun, kept, actor, "experiment create", after, design.hypothesis)
    return kept


def started(room: Room, kept: Kept, actor: Identity) -> Kept:
    """Note that the policy divides the units from now on."""
    with room.transaction() as begun:
        changed = replace(kept, state="running", started_at=now())
        _update(begun.connection, kept, changed)
        _record(begun, kept, actor, "experiment start", {"state": "running", "salt": kept.salt})
    return changed


def stopped(room: Room, kept: Kept, actor: Identity, decision: str, reason: str, result: str) -> Kept:
    """Keep the decision with its reason and the last status. `ConflictError` if somebody else stopped it first."""
    with room.transaction() as begun:
        changed = replace(
            kept,
            state="stopped",
            decided_by=actor.name,
            ended_at=now(),
            decision=decision,
            reason=reason,
            result=result,
        )
        _update(begun.connection, kept, changed)
        _record(begun, kept, actor, "experiment stop", {"state": "stopped", "decision": decision}, reason)
    return changed


def listed(room: Room, name: str | None = None) -> list[Kept]:
    """The experiments of a model, or of all, in their order."""
    with room.database.reading() as connection:
        return _read(connection, name)


def open_one(connection: Connection, name: str) -> Kept | None:
    """The experiment of a model that is not stopped."""
    return next((kept for kept in _read(connection, name) if kept.state != "stopped"), None)


def one(room: Room, name: str, number: int | None = None) -> Kept:
    """An experiment by its number, else the newest; `NotFoundError` tells what there is."""
    known = listed(room, name)
    if not known:
        raise NotFoundError(f"{name} has no experiment: begin one with `tabi experiment create {name}`")
    if number is None:
        return known[-1]
    for kept in known:
        if kept.number == number:
            return kept
    raise NotFoundError(f"{name} has no experiment {number}: it has {', '.join(str(each.number) for each in known)}")


def _read(connection: Connection, name: str | None) -> list[Kept]:
    query = select(*_COLUMNS).order_by(experiments.c.name, experiments.c.number)
    if name is not None:
        query = query.where(experiments.c.name == name)
    return [Kept(*row) for row in connection.execute(query)]


def _update(connection: Connection, kept: Kept, changed: Kept) -> None:
    done = connection.execute(
        update(experiments)
        .where(
            experiments.c.name == kept.name,
            experiments.c.number == kept.number,
            experiments.c.state == kept.state,
        )
        .values(asdict(changed))
    )
    if not done.rowcount:
        raise ConflictError(f"somebody else changed {kept.ref} of {kept.name} first: look with `tabi experiment list`")


def _record(
    begun: Transaction, kept: Kept, actor: Identity, action: str, after: Mapping[str, Any], reason: str = ""
) -> None:
    begun.record(
        actor=actor,
        action=action,
        object=kept.name,
        before={"state": kept.state} if action != "experiment create" else {},
        after={"experiment": kept.ref, **after},
        reason=reason,
    )
