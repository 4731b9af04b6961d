"""Approving and rejecting a version, and what a promotion must have of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tabi.errors import ConfigError, ConflictError, ForbiddenError
from tabi.evidence import now
from tabi.registry import journal
from tabi.registry.heal import heal
from tabi.registry.identity import Identity, require_role, whoami
from tabi.registry.mirror import mirror
from tabi.registry.room import Room
from tabi.registry.traffic import publish
from tabi.registry.versions import State, Version, judge, version_of
from tabi.workspace import Workspace

if TYPE_CHECKING:
    from tabi.project.config import ApprovalConfig


@dataclass(frozen=True)
class Judged:
    """A version after it was approved or rejected, who did so, and what else there is to know."""

    version: Version
    by: str
    notes: tuple[str, ...]


def approve(workspace: Workspace, name: str, number: int, reason: str) -> Judged:
    """Let a version be promoted. The reason is kept.

    `ForbiddenError` for who may not: without the role, not among `approval.approvers`, or, with `approval.two_person`,
    who trained or released it.
    """
    return _judge(workspace, name, number, "approve", reason)


def reject(workspace: Workspace, name: str, number: int, reason: str) -> Judged:
    """Forbid a version to be promoted or rolled back to. One that is live must be replaced first."""
    return _judge(workspace, name, number, "reject", reason)


def rules_of(workspace: Workspace, name: str) -> ApprovalConfig:
    """What the project says now. What a run was trained with does not count: a trainer could have overruled it."""
    from tabi.project import load_config

    return load_config(workspace, name).approval


def require_reason(reason: str) -> str:
    """A reason of at least a word, on one line; `ConfigError` without."""
    said = " ".join(reason.split())
    if not said:
        raise ConfigError("a reason is needed, for the audit trail: say --reason 'why'")
    return said


def require_approved(rules: ApprovalConfig, version: Version) -> None:
    """`ConflictError` for a version that may not become champion."""
    advice = f"run `tabi approve {version.name} {version.version} --reason …`"
    if version.state == "rejected":
        raise ConflictError(f"{version.ref} was rejected by {version.judged_by} ({version.reason}): {advice} first")
    if rules.required and not version.judged_by:
        raise ConflictError(f"{version.ref} is not approved, and approval.required of the project is true: {advice}")


def _judge(workspace: Workspace, name: str, number: int, kind: Literal["approve", "reject"], reason: str) -> Judged:
    said = require_reason(reason)
    actor = whoami(workspace)
    require_role(actor, "approver")
    rules = rules_of(workspace, name)
    room = Room.open(workspace)
    notes = heal(room, name)
    state: State = "approved" if kind == "approve" else "rejected"
    with room.transaction() as begun:
        version = version_of(begun.connection, name, number)
        _require_approver(rules, actor, version, kind)
        if version.state == "live":
            raise ConflictError(f"{version.ref} is live: promote another or roll back first")
        at = now()
        judge(begun.connection, version, state, actor.name, at, said)
        operation = journal.write(begun.connection, kind, version, actor, said)
        begun.record(
            actor=actor,
            action=kind,
            object=version.ref,
            before={"state": version.state},
            after={"state": state, "bundle": version.bundle, "operation": operation.id},
            reason=said,
        )
    publish(room, operation)
    notes += mirror(room, name)
    with room.database.reading() as connection:
        return Judged(version_of(connection, name, number), actor.name, tuple(notes))


def _require_approver(rules: ApprovalConfig, actor: Identity, version: Version, kind: str) -> None:
    if rules.approvers and actor.name not in rules.approvers:
        raise ForbiddenError(f"{actor.name!r} is not among approval.approvers of {version.name}: ask one who is")
    # whoever made a version may still find it wanting
    if not rules.two_person or kind == "reject":
        return
    if not version.trained_by:
        raise ForbiddenError(
            f"nobody knows who trained {version.ref}, and approval.two_person is true: train and release it again"
        )
    for what, who in (("trained", version.trained_by), ("released", version.released_by)):
        if who == actor.name:
            raise ForbiddenError(f"{actor.name!r} {what} {version.ref}, and approval.two_person is true: ask another")
