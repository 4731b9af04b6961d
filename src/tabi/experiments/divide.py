"""The policy of an experiment: `registry.steer` writes it and ends it, by the rules of the registry."""

from __future__ import annotations

from tabi.experiments.history import Kept
from tabi.policy import Split
from tabi.registry.room import Room
from tabi.registry.steer import ArmPlan, end, split


def divide(room: Room, kept: Kept) -> list[str]:
    """Divide the units among the arms, under the experiment's own salt; what else there is to know."""
    design = kept.plan
    arms = [ArmPlan(arm.name, arm.version, arm.weight) for arm in design.arms]
    reason = f"{kept.ref}: {design.hypothesis}"
    return list(split(room.workspace, kept.name, kept.ref, arms, salt=kept.salt, reason=reason).notes)


def divides(room: Room, kept: Kept) -> bool:
    """Whether the policy of now is that of the experiment. A promotion or a rollback ends it without asking here."""
    stored = room.store.policy(kept.name)
    policy = None if stored is None else stored.policy
    return isinstance(policy, Split) and (policy.experiment, policy.salt) == (kept.ref, kept.salt)


def undivide(room: Room, kept: Kept, reason: str) -> list[str]:
    """Let the champion answer all, where the policy is still that of the experiment."""
    if not divides(room, kept):
        return []
    return list(end(room.workspace, kept.name, f"{kept.ref}: {reason}").notes)
