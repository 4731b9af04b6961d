"""Blue-green, shadow and split: one write each, with its deployment record."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from time import monotonic, sleep
from typing import Any

from tabi.deploy import history
from tabi.deploy.canary.meter import checked, fetch
from tabi.deploy.claim import held
from tabi.deploy.history import Deployment, Place
from tabi.deploy.target import Tell
from tabi.errors import DeployError, TabiError
from tabi.evidence import Record, append
from tabi.policy import BlueGreen, Policy
from tabi.registry import steer
from tabi.registry.identity import require_role, whoami
from tabi.registry.room import Room
from tabi.workspace import Workspace

FOLLOW_SECONDS = 120.0
LOOK_SECONDS = 0.2


def once(workspace: Workspace, place: Place, reason: str, change: Callable[[], steer.Steered], tell: Tell) -> Policy:
    """One change of the policy, written down as a deployment."""
    actor = whoami(workspace)
    require_role(actor, "operator")
    room = Room.open(workspace)
    with held(workspace, place):
        for note in history.close_cut(room, place, actor):
            tell(f"note: {note}")
        began = monotonic()
        drafted = Deployment(place.name, place.target, place.environment, "step", reason=reason)
        begun = history.begin(room, actor, drafted)
        try:
            steered = change()
        except TabiError as error:
            history.finish(room, actor, _ended(begun, monotonic() - began, None, str(error)))
            raise
        history.finish(room, actor, _ended(begun, monotonic() - began, steered.policy, ""))
    for note in steered.notes:
        tell(f"note: {note}")
    return steered.policy


def blue_green(
    workspace: Workspace, place: Place, number: int | None, urls: Sequence[str], reason: str, tell: Tell
) -> Policy:
    """Load a version beside the champion, wait until every server that is named has it, and switch; again: back."""
    policy = steer.policy_now(workspace, place.name)
    if not isinstance(policy, BlueGreen):
        staged = once(workspace, place, reason, lambda: steer.blue_green(workspace, place.name, number, reason), tell)
        assert isinstance(staged, BlueGreen)  # noqa: S101  narrows what it has written
        tell(f"{place.name}:{staged.idle.version} is loaded beside {place.name}:{staged.champion.version}")
        for url in urls:
            _wait(checked(url), staged, tell)
    before = monotonic()
    switched = once(workspace, place, reason, lambda: steer.switch(workspace, place.name, reason), tell)
    figures = {"version": switched.champion.version, "seconds": monotonic() - before, "servers": len(urls)}
    inputs = {"bundle": switched.champion.bundle}
    record = Record(kind="blue-green", subject=place.name, verdict="pass", inputs=inputs, figures=figures)
    append(workspace.evidence, record)
    return switched


def _wait(url: str, policy: BlueGreen, tell: Tell) -> None:
    """Until a server has the idle version loaded; `DeployError` if it cannot, and the champion answers on."""
    end = monotonic() + FOLLOW_SECONDS
    while True:
        models = json.loads(fetch(f"{url}/models"))["models"]
        status: dict[str, Any] = next((each for each in models if each["name"] == policy.name), {})
        followed = status.get("policy") or {}
        loaded = {each["bundle"]: each for each in followed.get("beside", ())}
        if policy.idle.bundle in loaded:
            found = loaded[policy.idle.bundle]
            tell(f"{url} has it: {found['load_ms']:.0f} ms, {found['memory_bytes'] / 2**20:.1f} MiB")
            return
        if monotonic() > end:
            said = "; ".join(json.loads(fetch(f"{url}/readyz"))["problems"]) or "it does not follow the policy"
            raise DeployError(
                f"{url} did not load {policy.name}:{policy.idle.version} ({said}): the champion answers, "
                f"`tabi deploy {policy.name} --end` lets it be"
            )
        sleep(LOOK_SECONDS)


def _ended(begun: Deployment, seconds: float, policy: Policy | None, problem: str) -> Deployment:
    if policy is None:
        return replace(begun, outcome="failed", seconds=seconds, problem=problem)
    subject = policy.beside[0] if policy.beside else policy.champion
    return replace(
        begun,
        outcome="succeeded",
        seconds=seconds,
        revision=f"policy {policy.revision}: {policy.kind}",
        version=subject.version,
        bundle=subject.bundle,
        policy=policy.revision,
    )
