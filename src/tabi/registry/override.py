"""Letting a failed gate through: by an approver, with a reason, and never in silence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from tabi.errors import ConfigError, ForbiddenError
from tabi.gates import Override, Verdict
from tabi.gates.run import PROOF, refuse_unknown
from tabi.registry.audit import record
from tabi.registry.identity import Identity, require_role
from tabi.registry.identity.settings import Role
from tabi.training.runs import Run
from tabi.workspace import Workspace

if TYPE_CHECKING:
    from tabi.project.config import ApprovalConfig

ROLE: Role = "approver"
OPTION = "--override"


def reasons_of(gates: Sequence[str], reasons: Sequence[str]) -> dict[str, str]:
    """The reason of each gate that is overridden; one reason may be that of all.

    `ConfigError` where they do not fit together.
    """
    if gates and len(reasons) not in {1, len(gates)}:
        raise ConfigError(
            f"{OPTION}: {len(gates)} gates and {len(reasons)} of --reason; give one, or one for each gate"
        )
    if reasons and not gates:
        raise ConfigError(f"--reason is for {OPTION}: name the gate that it lets through")
    return dict(zip(gates, reasons if len(reasons) == len(gates) else [*reasons] * len(gates), strict=True))


def refuse_overrides(actor: Identity, overrides: Mapping[str, str]) -> None:
    """To be asked before anything that takes long.

    `ConfigError` for a gate that there is not, for the proof, and for an override without a reason; `ForbiddenError`
    where the actor may not approve.
    """
    for gate, reason in overrides.items():
        refuse_unknown(gate, OPTION)
        if gate == PROOF:
            raise ConfigError(f"{OPTION} {PROOF}: what is not proved is not released; gates.parity is its bound")
        if not reason.strip():
            raise ConfigError(f"{OPTION} {gate}: say why with --reason")
    if overrides:
        require_role(actor, ROLE)


def refuse_own(rules: ApprovalConfig, actor: Identity, run: Run) -> None:
    """`ForbiddenError` for an override by who may not approve this run: `approval` binds overrides too."""
    if rules.approvers and actor.name not in rules.approvers:
        raise ForbiddenError(f"{actor.name!r} is not among approval.approvers of {run.project}: ask one who is")
    if not rules.two_person:
        return
    if not run.trained_by:
        raise ForbiddenError(
            f"nobody knows who trained {run.project}, and approval.two_person is true: train it again with `tabi train`"
        )
    if run.trained_by == actor.name:
        raise ForbiddenError(f"{actor.name!r} trained {run.project}, and approval.two_person is true: ask another")


def override(
    workspace: Workspace, run: Run, verdicts: Sequence[Verdict], overrides: Mapping[str, str], actor: Identity
) -> tuple[Verdict, ...]:
    """The verdicts, those that failed and are overridden as such; each of them is in the audit trail then."""
    found = []
    for verdict in verdicts:
        if verdict.verdict != "fail" or verdict.gate not in overrides:
            found.append(verdict)
            continue
        reason = " ".join(overrides[verdict.gate].split())
        record(
            workspace,
            actor=actor,
            action="override",
            object=run.project,
            before={"gate": verdict.gate, "verdict": verdict.verdict, "reason": verdict.reason, "run": run.run_id},
            after={"gate": verdict.gate, "verdict": "overridden", "run": run.run_id},
            reason=reason,
        )
        found.append(msgspec.structs.replace(verdict, verdict="overridden", override=Override(actor.name, reason)))
    return tuple(found)
