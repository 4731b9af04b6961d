"""The history of deployments, in the state database.

Each is written twice: `begun` before anything is touched, and how it ended. So one whose process was killed stands
there as begun, and the next command on the same place says so. The rule is that of the registry's journal: the audit
trail tells of it in the transaction that ends it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace
from typing import Literal

from sqlalchemy import Connection, func, insert, select, update

from tabi.deploy.target import Kind
from tabi.errors import NotFoundError
from tabi.evidence import now
from tabi.registry.identity import Identity
from tabi.registry.room import Room
from tabi.state.tables import deployments

What = Literal["deploy", "rollback", "step"]
Outcome = Literal["begun", "succeeded", "failed", "cut"]


@dataclass(frozen=True)
class Place:
    """Where a model is deployed to: one history each."""

    name: str
    target: Kind
    environment: str

    def __str__(self) -> str:
        return f"{self.name} on {self.target}, {self.environment}"


@dataclass(frozen=True)
class Deployment:
    """One deployment, rollback, or step of a rollout.

    `revision`, `before`: the target's own words for what it ran afterwards and before; empty for nothing. `policy`: the
    revision of the policy. `outcome`: `cut` is one whose process was killed. `problem`: why it did not succeed.
    """

    name: str
    target: Kind
    environment: str
    kind: What
    image: str = ""
    revision: str = ""
    before: str = ""
    version: int | None = None
    bundle: str = ""
    policy: int = 0
    reason: str = ""
    by: str = ""
    at: str = ""
    seconds: float | None = None
    outcome: Outcome = "begun"
    problem: str = ""
    id: int = 0

    @property
    def place(self) -> Place:
        """Whose history it belongs to."""
        return Place(self.name, self.target, self.environment)

    def to_json(self) -> str:
        """One line, for programs."""
        return json.dumps(asdict(self), ensure_ascii=False)


_COLUMNS = [deployments.c[field.name] for field in fields(Deployment)]


def begin(room: Room, actor: Identity, drafted: Deployment) -> Deployment:
    """Write down what is to happen, under the next number."""
    with room.database.writing() as connection:
        last = connection.execute(select(func.max(deployments.c.id))).scalar() or 0
        begun = replace(drafted, id=last + 1, by=actor.name, at=now(), outcome="begun")
        connection.execute(insert(deployments).values(asdict(begun)))
    return begun


def finish(room: Room, actor: Identity, ended: Deployment) -> Deployment:
    """Write down how it ended, and tell the audit trail. One that ended already stays as it is."""
    with room.transaction() as transaction:
        done = transaction.connection.execute(
            update(deployments)
            .where(deployments.c.id == ended.id, deployments.c.outcome == "begun")
            .values({key: value for key, value in asdict(ended).items() if key != "id"})
        )
        if done.rowcount:
            transaction.record(
                actor=actor,
                action=f"{ended.kind} {ended.outcome}",
                object=f"{ended.name}:{ended.version}" if ended.version else ended.name,
                before={"revision": ended.before},
                after={
                    "deployment": ended.id,
                    "target": ended.target,
                    "environment": ended.environment,
                    "revision": ended.revision,
                    "image": ended.image,
                    "bundle": ended.bundle,
                    **({"problem": ended.problem} if ended.problem else {}),
                },
                reason=ended.reason,
            )
    return ended


def history(connection: Connection, name: str | None = None) -> list[Deployment]:
    """The deployments of a model, or of all, in their order."""
    query = select(*_COLUMNS).order_by(deployments.c.id)
    if name is not None:
        query = query.where(deployments.c.name == name)
    return [Deployment(*row) for row in connection.execute(query)]


def deployments_of(room: Room, name: str | None = None) -> list[Deployment]:
    """The same for a person, who may have mistaken the name: `NotFoundError` then says which there are."""
    with room.database.reading() as connection:
        found = history(connection, name)
        known = found or history(connection)
    if name is not None and not found:
        listed = ", ".join(sorted({each.name for each in known})) or "none yet"
        raise NotFoundError(f"{name} was never deployed; deployed were: {listed}")
    return found


def at_place(connection: Connection, place: Place) -> list[Deployment]:
    """The history of one place."""
    return [each for each in history(connection, place.name) if each.place == place]


def close_cut(room: Room, place: Place, actor: Identity) -> list[str]:
    """End the deployments of a place whose process was killed; what they were, in words.

    To be called by who holds the place: nobody else is at work on it then.
    """
    with room.database.reading() as connection:
        open_ones = [each for each in at_place(connection, place) if each.outcome == "begun"]
    for each in open_ones:
        finish(room, actor, replace(each, outcome="cut", problem="its process ended before it did"))
    return [f"{each.kind} {each.id} of {place}, begun {each.at[:19]} by {each.by}, was cut" for each in open_ones]
