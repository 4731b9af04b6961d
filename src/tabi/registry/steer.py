"""Dividing traffic: canary, blue-green, shadow and split, each one operation of the journal.

Law: only a version that may be promoted sees traffic. A policy that tries something is replaced by its own kind, by
`end`, by a promotion or by a rollback, and by nothing else: two people do not try two things at once.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from msgspec.structs import replace

from tabi.errors import ConfigError, ConflictError, NotFoundError
from tabi.policy import Arm, Assigned, BlueGreen, Canary, Policy, Shadow, Single, Split
from tabi.registry.approval import require_approved, rules_of
from tabi.registry.heal import heal
from tabi.registry.identity import Identity, require_role, whoami
from tabi.registry.journal import Kind
from tabi.registry.mirror import mirror
from tabi.registry.promote import begin
from tabi.registry.room import Room
from tabi.registry.traffic import carry_out, policy_of, tried_by
from tabi.registry.versions import Version, version_of
from tabi.workspace import Workspace


@dataclass(frozen=True)
class Steered:
    """The policy that holds now, and what else there is to know."""

    policy: Policy
    notes: tuple[str, ...]


class ArmPlan(NamedTuple):
    """An arm of an experiment that is to be: its name, its version's number and its weight."""

    name: str
    version: int
    weight: float = 1.0


class _Desk(NamedTuple):
    """What every operation begins with: who asks, and what holds now."""

    room: Room
    actor: Identity
    policy: Policy
    notes: list[str]


def canary(
    workspace: Workspace, name: str, steps: Sequence[float], number: int | None = None, reason: str = ""
) -> Steered:
    """Give the challenger the first of the shares; `step` goes on. Shares are from above 0 to 1, each greater."""
    desk = _opened(workspace, name)
    _require_free(desk.policy)
    tried = _tried(desk, number)
    if not steps or any(not 0 < share <= 1 for share in steps) or list(steps) != sorted(set(steps)):
        raise ConfigError("steps of a canary are shares from above 0 % to 100 %, each greater than the one before")
    assigned = _assigned(tried)
    draft = Canary(**_kept(desk.policy), challenger=assigned, steps=tuple(steps), salt=uuid.uuid4().hex)
    return _write(desk, "canary", tried, draft, reason)


def step(workspace: Workspace, name: str, to: int, revision: int, reason: str = "") -> Steered:
    """Give the canary's challenger the share of another step. `revision`: of the policy that the caller went by."""
    desk = _opened(workspace, name)
    policy = desk.policy
    if not isinstance(policy, Canary) or policy.revision != revision:
        raise ConflictError(f"somebody else changed the policy of {name} first: look with `tabi models {name}`")
    if not 0 <= to < len(policy.steps):
        raise ConfigError(f"the canary of {name} has {len(policy.steps)} steps: there is no step {to + 1}")
    tried = _version(desk, policy.challenger.version)
    return _write(desk, "canary", tried, replace(policy, step=to), reason)


def blue_green(workspace: Workspace, name: str, number: int | None = None, reason: str = "") -> Steered:
    """Load a version beside the champion, which still answers everything; `switch` goes over to it."""
    desk = _opened(workspace, name)
    _require_free(desk.policy)
    tried = _tried(desk, number)
    return _write(desk, "blue-green", tried, BlueGreen(**_kept(desk.policy), idle=_assigned(tried)), reason)


def switch(workspace: Workspace, name: str, reason: str = "") -> Steered:
    """Make the idle version the champion, and the champion idle: no server loads anything for it."""
    desk = _opened(workspace, name)
    policy = desk.policy
    if not isinstance(policy, BlueGreen):
        raise ConflictError(f"{name} has no idle version: `tabi deploy {name} --blue-green` loads one")
    target = _version(desk, policy.idle.version)
    require_approved(rules_of(workspace, name), target)
    kept = _kept(policy) | {"champion": policy.idle, "previous": policy.champion}
    return _write(desk, "promote", target, BlueGreen(**kept, idle=policy.champion), reason)


def shadow(workspace: Workspace, name: str, share: float, number: int | None = None, reason: str = "") -> Steered:
    """Copy a share of the units' requests to the challenger, whose answers nobody gets."""
    desk = _opened(workspace, name)
    _require_free(desk.policy)
    tried = _tried(desk, number)
    if not 0 < share <= 1:
        raise ConfigError("the share of a shadow is above 0 % and at most 100 %")
    draft = Shadow(**_kept(desk.policy), challenger=_assigned(tried), share=share, salt=uuid.uuid4().hex)
    return _write(desk, "shadow", tried, draft, reason)


def split(
    workspace: Workspace,
    name: str,
    experiment: str,
    arms: Sequence[ArmPlan],
    *,
    salt: str | None = None,
    reason: str = "",
) -> Steered:
    """Divide the units among the arms of an experiment. `salt`: by default the model's and the experiment's names."""
    desk = _opened(workspace, name)
    _require_free(desk.policy)
    found = [(_version(desk, plan.version), plan) for plan in arms]
    for version in dict.fromkeys(version for version, _ in found):
        _require_fit(desk, version)
    try:
        made = tuple(Arm(plan.name, _assigned(version), plan.weight) for version, plan in found)
        salt = salt or f"{name}/{experiment}"
        draft = Split(**_kept(desk.policy), experiment=experiment, arms=made, salt=salt)
        # the document's own rules, which a constructor does not ask for
        policy_of_draft(draft)
    except ValueError as error:
        raise ConfigError(f"the arms of {experiment} cannot be: {error}") from error
    subject = next((version for version, _ in found if _assigned(version) != desk.policy.champion), found[0][0])
    return _write(desk, "split", subject, draft, reason)


def end(workspace: Workspace, name: str, reason: str = "") -> Steered:
    """The champion answers everything again, and nothing else is loaded; without effect where that is so."""
    desk = _opened(workspace, name)
    if isinstance(desk.policy, Single):
        return Steered(desk.policy, (*desk.notes, f"nothing of {name} is being tried"))
    champion = _version(desk, desk.policy.champion.version)
    return _write(desk, "end", champion, Single(**_kept(desk.policy)), reason)


def policy_now(workspace: Workspace, name: str) -> Policy | None:
    """The policy that servers follow; None if nothing was promoted."""
    stored = Room.open(workspace).store.policy(name)
    return None if stored is None else stored.policy


def policy_of_draft(draft: Policy) -> None:
    """Read back what would be written; `ValueError` if its own rules forbid it."""
    from tabi.errors import StoreError
    from tabi.policy import read_policy

    try:
        read_policy(draft.to_json(), "it")
    except StoreError as error:
        raise ValueError(str(error.__cause__)) from error


def _opened(workspace: Workspace, name: str) -> _Desk:
    actor = whoami(workspace)
    require_role(actor, "operator")
    room = Room.open(workspace)
    notes = heal(room, name)
    room.versions(name)
    stored = room.store.policy(name)
    if stored is None:
        raise NotFoundError(f"{name} has no champion: run `tabi promote {name}` first")
    return _Desk(room, actor, stored.policy, notes)


def _tried(desk: _Desk, number: int | None) -> Version:
    """The version that is to be tried: the challenger by default."""
    name = desk.policy.name
    if number is not None:
        target: Version | None = _version(desk, number)
    else:
        target = tried_by(desk.room, name, desk.room.versions(name))
    if target is None:
        raise NotFoundError(f"{name} has no challenger: name one with --version, `tabi models {name}` lists them")
    if _assigned(target) == desk.policy.champion:
        raise ConflictError(f"{target.ref} is the champion: name another with --version")
    _require_fit(desk, target)
    return target


def _version(desk: _Desk, number: int) -> Version:
    with desk.room.database.reading() as connection:
        return version_of(connection, desk.policy.name, number)


def _require_fit(desk: _Desk, version: Version) -> None:
    require_approved(rules_of(desk.room.workspace, version.name), version)
    problem = desk.room.bundle(version).signed.problem
    if problem:
        desk.notes.append(problem)


def _require_free(policy: Policy) -> None:
    if not isinstance(policy, Single):
        raise ConflictError(
            f"a {policy.kind} policy of {policy.name} is under way (revision {policy.revision}, {policy.at[:19]} by "
            f"{policy.by}): `tabi deploy {policy.name} --resume` goes on with it, --end ends it"
        )


def _kept(policy: Policy) -> dict[str, Any]:
    """What a successor keeps."""
    return {"name": policy.name, "champion": policy.champion, "previous": policy.previous}


def _assigned(version: Version) -> Assigned:
    return Assigned(version.version, version.bundle)


def _write(desk: _Desk, kind: Kind, subject: Version, draft: Policy, reason: str) -> Steered:
    room, actor, policy, notes = desk
    operation = begin(
        room, kind, subject, actor, " ".join(reason.split()), previous=draft.previous, seen=policy.revision, draft=draft
    )
    carry_out(room, operation)
    return Steered(policy_of(operation), (*notes, *mirror(room, policy.name)))
