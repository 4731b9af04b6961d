"""A canary from its first share to its promotion, or back: each step bakes, is judged, and is a deployment record.

Where its process ends, by Ctrl-C or SIGKILL, traffic stays as the last step left it: `tabi deploy NAME` says so, and
`--resume` goes on with that step, whose counts begin anew. Whoever promotes, rolls back or ends it meanwhile is right.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from time import monotonic, sleep

from tabi.deploy import history
from tabi.deploy.canary.judge import Bounds, Verdict, judge
from tabi.deploy.canary.labelled import performance_gate
from tabi.deploy.canary.meter import ArmCounts, Meter
from tabi.deploy.claim import held
from tabi.deploy.history import Deployment, Place
from tabi.deploy.target import Tell
from tabi.errors import ConflictError, DeployError
from tabi.evidence import Record, append, now
from tabi.policy import Canary
from tabi.registry import steer
from tabi.registry.identity import Identity, require_role, whoami
from tabi.registry.promote import promote
from tabi.registry.room import Room
from tabi.workspace import Workspace

LOOK_SECONDS = 5.0
TELL_SECONDS = 30.0


@dataclass(frozen=True)
class Plan:
    """What was asked for. `steps`: shares. `bake`: seconds that each is watched at the least.

    `number`: of the version, None: the challenger. `patience`: seconds until a step without requests enough is ended.
    """

    steps: tuple[float, ...]
    bake: float
    number: int | None = None
    reason: str = ""
    bounds: Bounds = field(default_factory=Bounds)
    patience: float = 24 * 3600.0
    look: float = LOOK_SECONDS


@dataclass
class Rollout:
    """A canary that is under way. `before`: what the champion did in the steps before this one."""

    room: Room
    actor: Identity
    place: Place
    plan: Plan
    meter: Meter
    tell: Tell
    policy: Canary
    looks: int = 0
    steps: list[dict[str, object]] = field(default_factory=list)

    @property
    def workspace(self) -> Workspace:
        """Whose model it is."""
        return self.room.workspace


def run(
    workspace: Workspace, place: Place, plan: Plan, meter_of: Callable[[], Meter], tell: Tell, *, resume: bool = False
) -> str:
    """Bring a canary to its end; what became of it, in words.

    `DeployError` if a gate ended it, `ConflictError` if somebody else did, or if one is under way and not resumed.
    """
    actor = whoami(workspace)
    require_role(actor, "operator")
    room = Room.open(workspace)
    with held(workspace, place):
        for note in history.close_cut(room, place, actor):
            tell(f"note: {note}")
        # servers that nobody can watch get no challenger
        meter = meter_of()
        policy = _begin(workspace, place.name, plan, tell, resume=resume)
        rollout = Rollout(room, actor, place, plan, meter, tell, policy)
        try:
            return _steps(rollout)
        except KeyboardInterrupt:
            tell(_left(rollout.policy))
            raise


def _begin(workspace: Workspace, name: str, plan: Plan, tell: Tell, *, resume: bool) -> Canary:
    if resume:
        policy = steer.policy_now(workspace, name)
        if not isinstance(policy, Canary):
            raise ConflictError(f"no canary of {name} is under way: begin one with --canary")
        tell(f"the canary of {_ref(policy)} goes on at step {policy.step + 1} of {len(policy.steps)}")
        return policy
    steered = steer.canary(workspace, name, plan.steps, plan.number, plan.reason)
    for note in steered.notes:
        tell(f"note: {note}")
    assert isinstance(steered.policy, Canary)  # noqa: S101  narrows what it has written
    return steered.policy


def _steps(rollout: Rollout) -> str:
    for step in range(rollout.policy.step, len(rollout.policy.steps)):
        if step > rollout.policy.step:
            steered = steer.step(rollout.workspace, rollout.place.name, step, rollout.policy.revision)
            assert isinstance(steered.policy, Canary)  # noqa: S101  as above
            rollout.policy = steered.policy
        _step(rollout)
    policy = rollout.policy
    promote(rollout.workspace, rollout.place.name, policy.challenger.version, "every step of its canary passed")
    _leave(rollout, "pass", f"promoted after {len(policy.steps)} steps")
    return f"{_ref(policy)} is the champion: every step of its canary passed"


def _step(rollout: Rollout) -> None:
    policy, place = rollout.policy, rollout.place
    begun = history.begin(rollout.room, rollout.actor, _drafted(policy, place, rollout.plan.reason))
    rollout.tell(
        f"step {policy.step + 1} of {len(policy.steps)}: {policy.weight:.0%} of the units go to {_ref(policy)}"
    )
    began = monotonic()
    try:
        verdicts = _bake(rollout, began)
    except ConflictError as error:
        _finish(rollout, begun, monotonic() - began, str(error))
        raise
    worse = [verdict for verdict in verdicts if verdict.worse]
    rollout.steps.append({"share": policy.weight, "seconds": monotonic() - began, **{v.gate: v.text for v in verdicts}})
    problem = "; ".join(f"{verdict.gate}: {verdict.text}" for verdict in worse)
    _finish(rollout, begun, monotonic() - began, problem)
    if worse:
        # whoever was faster has ended it already
        with suppress(ConflictError):
            steer.end(rollout.workspace, place.name, f"canary of {_ref(policy)} aborted: {problem}")
        _leave(rollout, "fail", problem)
        raise DeployError(
            f"the canary of {_ref(policy)} was aborted at {policy.weight:.0%}, the champion answers: {problem}"
        )


def _bake(rollout: Rollout, began: float) -> list[Verdict]:
    """Watch a step until a gate ends it, or until it has had its time and its requests."""
    plan, policy = rollout.plan, rollout.policy
    answered = told = began
    first: ArmCounts | None = None
    while True:
        sleep(plan.look)
        _require_mine(rollout)
        at = monotonic()
        try:
            counts = rollout.meter.read()
        except DeployError as error:
            # the challenger may be why
            if at - answered > rollout.meter.silence:
                return [Verdict("servers", True, str(error))]
            continue
        answered = at
        champion, challenger = (counts.get(of.bundle, ArmCounts()) for of in (policy.champion, policy.challenger))
        first = first or replace(challenger)
        seen = challenger.requests - first.requests
        if (stuck := rollout.meter.problem(policy.challenger.bundle)) is not None:
            return [Verdict("servers", True, stuck)]
        rollout.looks += 1
        verdicts = judge(champion, challenger, plan.bounds, rollout.looks)
        verdicts.append(performance_gate(rollout.workspace, policy))
        if any(verdict.worse for verdict in verdicts) or (at - began >= plan.bake and seen >= plan.bounds.least):
            return verdicts
        if at - began > plan.bake + plan.patience:
            return [*verdicts, Verdict("requests", True, f"only {seen:.0f} requests in {at - began:.0f} s")]
        if at - told > TELL_SECONDS:
            told = at
            rollout.tell(
                f"  {at - began:.0f} s of {plan.bake:g}, {seen:.0f} requests of {plan.bounds.least}; {_said(verdicts)}"
            )


def _require_mine(rollout: Rollout) -> None:
    now_there = steer.policy_now(rollout.workspace, rollout.place.name)
    if now_there is None or now_there.revision != rollout.policy.revision:
        by = "nobody" if now_there is None else f"{now_there.by}, revision {now_there.revision}"
        raise ConflictError(f"the canary of {_ref(rollout.policy)} was ended by another: {by}")


def _drafted(policy: Canary, place: Place, reason: str) -> Deployment:
    return Deployment(
        place.name,
        place.target,
        place.environment,
        "step",
        revision=f"policy {policy.revision}: {policy.weight:.0%}",
        version=policy.challenger.version,
        bundle=policy.challenger.bundle,
        policy=policy.revision,
        reason=reason,
    )


def _finish(rollout: Rollout, begun: Deployment, seconds: float, problem: str) -> None:
    outcome: history.Outcome = "failed" if problem else "succeeded"
    ended = replace(begun, outcome=outcome, seconds=seconds, problem=problem)
    history.finish(rollout.room, rollout.actor, ended)


def _leave(rollout: Rollout, verdict: str, reason: str) -> None:
    policy = rollout.policy
    append(
        rollout.workspace.evidence,
        Record(
            kind="canary",
            subject=policy.name,
            verdict="pass" if verdict == "pass" else "fail",
            at=now(),
            inputs={"bundle": policy.challenger.bundle, "champion": policy.champion.bundle},
            figures={"steps": rollout.steps, "reason": reason, "bake": rollout.plan.bake, "looks": rollout.looks},
        ),
    )


def _left(policy: Canary) -> str:
    return (
        f"stopped: {policy.weight:.0%} of the units go on to {_ref(policy)}; `tabi deploy {policy.name} --resume` goes "
        f"on, `--end` gives all of them to {policy.name}:{policy.champion.version}"
    )


def _ref(policy: Canary) -> str:
    return f"{policy.name}:{policy.challenger.version}"


def _said(verdicts: list[Verdict]) -> str:
    return "; ".join(f"{verdict.gate}: {verdict.text}" for verdict in verdicts)
