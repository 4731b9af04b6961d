"""The journal: what was begun on a model, and how far it came. Whoever comes next can finish it.

begun      the intent is on disk, with who and why
decided    the policy says so, and the states and the audit trail follow it
published  the store's version numbers and the evidence follow too
mirrored   MLflow's aliases and tags follow too
abandoned  it was cut before the policy said so, and its bundle is not whole any more
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Literal

from msgspec.structs import replace as struct_replace
from sqlalchemy import Connection, func, insert, select, update

from tabi.evidence import now
from tabi.policy import Assigned, Policy
from tabi.registry.identity import Identity
from tabi.registry.versions import Version
from tabi.state.tables import operations

Steer = Literal["canary", "blue-green", "shadow", "split", "end"]
Kind = Literal["release", "approve", "reject", "promote", "rollback"] | Steer
Stage = Literal["begun", "decided", "published", "mirrored", "abandoned"]

HEALER = Identity("tabi", "user", frozenset())
"""Who mends what nobody's operation explains."""

MOVES: tuple[Kind, ...] = ("promote", "rollback")
"""What may change the champion."""
STEERS: tuple[Kind, ...] = ("canary", "blue-green", "shadow", "split", "end")
"""What divides requests anew beside the champion, which stays."""


@dataclass(frozen=True)
class Operation:
    """One act on a version. `revision`: of the policy that it writes; 0 where it writes none.

    `previous`: the version to which the next rollback would return. `policy`: what it writes, as JSON; empty for a
    policy of its version alone.
    """

    id: str
    name: str
    kind: Kind
    version: int
    bundle: str
    previous: int | None
    previous_bundle: str | None
    revision: int
    actor: str
    actor_kind: str
    reason: str
    at: str
    stage: Stage
    policy: str = ""

    @property
    def by(self) -> Identity:
        """Who began it."""
        return Identity(self.actor, self.actor_kind, frozenset())  # type: ignore[arg-type]

    @property
    def champion(self) -> Assigned:
        """What the policy is to say."""
        return Assigned(self.version, self.bundle)

    @property
    def before(self) -> Assigned | None:
        """What the policy is to say of the version before."""
        if self.previous is None or self.previous_bundle is None:
            return None
        return Assigned(self.previous, self.previous_bundle)


def write(  # noqa: PLR0913
    connection: Connection,
    kind: Kind,
    version: Version,
    actor: Identity,
    reason: str = "",
    *,
    previous: Assigned | None = None,
    revision: int = 0,
    draft: Policy | None = None,
) -> Operation:
    """A new entry: begun where it moves traffic, else decided already by the transaction that it is part of.

    `draft`: the policy that it writes, where that is more than its version; who, when and which revision are added.
    """
    id, at = uuid.uuid4().hex, now()  # noqa: A001 - the domain's word
    operation = Operation(
        id=id,
        name=version.name,
        kind=kind,
        version=version.version,
        bundle=version.bundle,
        previous=previous.version if previous else None,
        previous_bundle=previous.bundle if previous else None,
        revision=revision,
        actor=actor.name,
        actor_kind=actor.kind,
        reason=reason,
        at=at,
        stage="begun" if kind in (*MOVES, *STEERS) else "decided",
        policy=""
        if draft is None
        else struct_replace(draft, revision=revision, operation=id, at=at, by=actor.name).to_json().decode(),
    )
    connection.execute(insert(operations).values({f.name: getattr(operation, f.name) for f in fields(Operation)}))
    return operation


def at_stage(connection: Connection, name: str, *stages: Stage) -> list[Operation]:
    """The operations on a model that are at one of the stages, in the order in which they were begun."""
    query = select(*(operations.c[f.name] for f in fields(Operation))).where(
        operations.c.name == name, operations.c.stage.in_(stages)
    )
    return [Operation(*row) for row in connection.execute(query.order_by(operations.c.at, operations.c.id))]


def stage_of(connection: Connection, operation: Operation) -> Stage:
    """How far an operation came by now."""
    found: Stage = connection.execute(select(operations.c.stage).where(operations.c.id == operation.id)).scalar_one()
    return found


def advance(connection: Connection, operation: Operation, stage: Stage) -> Operation:
    """Note how far it came."""
    connection.execute(update(operations).where(operations.c.id == operation.id).values(stage=stage))
    return replace(operation, stage=stage)


def last_revision(connection: Connection, name: str) -> int:
    """The newest revision that any operation on the model was to write."""
    found = connection.execute(select(func.max(operations.c.revision)).where(operations.c.name == name)).scalar()
    return found or 0


def lived(moves: Iterable[Operation]) -> list[Assigned]:
    """The versions that were live, as a way back: the last is live now, and each rolled back to the one before it.

    A promotion adds to the way. A rollback takes away all behind its target, so what was rolled away is not on it.
    """
    way: list[Assigned] = []
    for move in moves:
        if move.kind == "rollback" and move.champion in way:
            while way[-1] != move.champion:
                way.pop()
        elif not way or way[-1] != move.champion:
            way.append(move.champion)
    return way


def way_of(connection: Connection, name: str) -> list[Assigned]:
    """`lived` of a model."""
    done: Sequence[Operation] = at_stage(connection, name, "decided", "published", "mirrored")
    return lived(move for move in sorted(done, key=lambda o: o.revision) if move.kind in MOVES)
