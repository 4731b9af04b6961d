"""How far a deployment of ECS is, read from what DescribeServices answers.

A service has one deployment with status PRIMARY: the newest. One that was replaced is ACTIVE until its tasks have
stopped, then it is gone from the list. Its `rolloutState` begins as IN_PROGRESS, becomes COMPLETED in a steady state,
and FAILED when the circuit breaker trips; then, where the service says so, ECS begins a new PRIMARY with the revision
that was completed last.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from tabi.deploy.ecs.revision import short

Json = dict[str, Any]
State = Literal["going", "completed", "failed", "overtaken"]


@dataclass(frozen=True)
class Rollout:
    """One look. `state`: `overtaken` where another deployment has taken the place of ours before it was completed."""

    state: State
    running: int = 0
    desired: int = 0
    failed_tasks: int = 0
    reason: str = ""

    @property
    def line(self) -> str:
        """For a person who waits."""
        failed = f", {self.failed_tasks} failed" if self.failed_tasks else ""
        return f"{self.running} of {self.desired} tasks run{failed}"


def primary_of(service: Json) -> Json:
    """The newest deployment."""
    return next((each for each in service.get("deployments", ()) if each.get("status") == "PRIMARY"), {})


def is_going(deployment: Json) -> bool:
    """Whether ECS is at work on it."""
    return deployment.get("rolloutState") == "IN_PROGRESS"


def settled(service: Json) -> str:
    """The revision that answers: of the newest deployment, or of the one that was completed before it."""
    primary = primary_of(service)
    if is_going(primary) or primary.get("rolloutState") == "FAILED":
        others = [each for each in service["deployments"] if each.get("id") != primary.get("id")]
        whole = [each for each in others if each.get("rolloutState") == "COMPLETED"]
        if whole:
            return str(max(whole, key=lambda each: each["createdAt"])["taskDefinition"])
    return str(primary.get("taskDefinition") or service["taskDefinition"])


def read(service: Json, deployment: str) -> Rollout:
    """How far the deployment of this id is."""
    primary = primary_of(service)
    ours = next((each for each in service.get("deployments", ()) if each.get("id") == deployment), None)
    if ours is None:
        return _gone(primary)
    state, reason = ours.get("rolloutState"), ours.get("rolloutStateReason", "")
    counts = (ours.get("runningCount", 0), ours.get("desiredCount", 0), ours.get("failedTasks", 0))
    if state == "FAILED":
        return Rollout("failed", *counts, reason or "the circuit breaker has tripped")
    if state == "COMPLETED":
        return Rollout("completed", *counts, reason)
    if ours.get("status") != "PRIMARY":
        return Rollout("overtaken", *counts, _by(primary))
    return Rollout("going", *counts, reason)


def _gone(primary: Json) -> Rollout:
    """Ours is not in the list any more: the breaker's own rollback took its place, or somebody else's deployment."""
    reason = primary.get("rolloutStateReason", "")
    if "circuit breaker" in reason:
        return Rollout("failed", reason=reason)
    return Rollout("overtaken", reason=_by(primary))


def _by(primary: Json) -> str:
    return f"a deployment of {short(primary.get('taskDefinition', 'another revision'))} was begun after it"


class Events:
    """The service's own words, each once, oldest first, without those that were there before."""

    def __init__(self, service: Json) -> None:
        self._seen = {each["id"] for each in service.get("events", ())}

    def new(self, service: Json) -> list[str]:
        """What it has said since the last look."""
        fresh = [each for each in service.get("events", ()) if each["id"] not in self._seen]
        self._seen.update(each["id"] for each in fresh)
        return [" ".join(each["message"].split()) for each in reversed(fresh)]
