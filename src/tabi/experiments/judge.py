"""What to do now: one word and one line, from the intervals that are valid at every look.

broken  the split is not what the weights say: nothing is read
win     an arm is better than the control, and each of its guardrails is kept
harm    an arm is worse than the control, or breaks a guardrail
futile  every arm is, with its whole interval, below the effect that was asked for; or the plan has run out
go on   none of these yet
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from tabi.experiments.design import Arm, Design
from tabi.experiments.effect import Effect, Interval, side
from tabi.experiments.metric import Metric

Action = Literal["go on", "win", "harm", "futile", "broken"]
Kept = Literal["kept", "broken", "open"]


class Guarded(msgspec.Struct, frozen=True):
    """A guardrail of an arm. Kept: the whole interval is less worse than the margin, which is non-inferiority.

    Each is tested at the level of the design. All of an arm must be kept before it is shipped, so none needs a
    correction (intersection-union test; Berger, Technometrics, 1982).
    """

    arm: str
    metric: str
    margin: str
    state: Kept
    effect: Effect | None


class Judgement(msgspec.Struct, frozen=True):
    """The action, the arm that it is about, and one line for a person."""

    action: Action
    arm: str | None
    line: str


def guarded(arm: Arm, guardrail: Metric, effect: Effect | None) -> Guarded:
    """What is known of a guardrail: `effect` is at the design's level, without correction."""
    assert guardrail.margin is not None  # noqa: S101 - read_guardrail asks for it
    found = 0 if effect is None else guardrail.sign * side(effect, guardrail.margin, -guardrail.sign)
    state: Kept = "open" if found == 0 else "kept" if found > 0 else "broken"
    return Guarded(arm.name, guardrail.name, str(guardrail.margin), state, effect)


def judge(
    design: Design,
    effects: Sequence[Effect | None],
    guardrails: Sequence[Guarded],
    *,
    broken: str | None,
    units: int,
    day: float,
) -> Judgement:
    """The judgement of what was read of all treatments, in the design's order. `units`: of all arms so far."""
    if broken is not None:
        return Judgement("broken", None, f"broken: {broken}; read no effect, find what loses units, and begin again")
    sign, ran_out = design.primary.sign, units >= design.plan.total
    won = [e for e in effects if e is not None and e.found * sign > 0 and _all_kept(guardrails, e.arm)]
    if won:
        best = max(won, key=lambda effect: sign * effect.difference)
        return Judgement("win", best.arm, f"stop: win, ship {best.arm}: {_told(best)}{_kept_too(guardrails, best.arm)}")
    worse = _worse(effects, guardrails, sign)
    if worse is not None:
        arm, why = worse
        return Judgement("harm", arm, f"stop: harm, back to {design.control.name}: {why}")
    if all(e is not None and side(e, design.effect, sign) * sign < 0 and e.found == 0 for e in effects):
        return Judgement("futile", None, f"stop: futile, no arm has an effect of {design.effect}: {_all_told(effects)}")
    missing = _open(guardrails, effects, sign)
    if ran_out:
        why = missing or "no difference was found"
        return Judgement("futile", None, f"stop: futile, the planned units were seen and {why}: {_all_told(effects)}")
    waits = f"; {missing}" if missing else ""
    return Judgement("go on", None, f"go on: {_progress(design, units, day)}; {_all_told(effects)}{waits}")


def _all_kept(guardrails: Sequence[Guarded], arm: str) -> bool:
    return all(each.state == "kept" for each in guardrails if each.arm == arm)


def _kept_too(guardrails: Sequence[Guarded], arm: str) -> str:
    names = [each.metric for each in guardrails if each.arm == arm]
    return f"; kept: {', '.join(names)}" if names else ""


def _worse(effects: Sequence[Effect | None], guardrails: Sequence[Guarded], sign: int) -> tuple[str, str] | None:
    for effect in effects:
        if effect is not None and effect.found * sign < 0:
            return effect.arm, f"{effect.arm} is worse: {_told(effect)}"
    for each in guardrails:
        if each.state == "broken" and each.effect is not None:
            told = f"{each.arm} breaks {each.metric}, which may be {each.margin} worse: {_told(each.effect)}"
            return each.arm, told
    return None


def _open(guardrails: Sequence[Guarded], effects: Sequence[Effect | None], sign: int) -> str | None:
    """Where an arm is better and only its guardrails are in doubt, they are what is missing."""
    better = {effect.arm for effect in effects if effect is not None and effect.found * sign > 0}
    names = dict.fromkeys(each.metric for each in guardrails if each.arm in better and each.state == "open")
    return f"{', '.join(names)} is not shown to be kept" if names else None


def _progress(design: Design, units: int, day: float) -> str:
    days = "" if design.plan.days is None else f" of {design.plan.days}"
    return f"{units:,} of {design.plan.total:,} units, day {day:.1f}{days}"


def _all_told(effects: Sequence[Effect | None]) -> str:
    read = [f"{effect.arm} {_told(effect)}" for effect in effects if effect is not None]
    return ", ".join(read) or "too few units or events to read"


def _told(effect: Effect) -> str:
    if effect.relative is not None and effect.relative_always is not None:
        return f"{effect.metric} {effect.relative:+.1%} {_percent(effect.relative_always)}"
    return f"{effect.metric} {effect.difference:+.4g} [{effect.always[0]:.4g}, {effect.always[1]:.4g}]"


def _percent(interval: Interval) -> str:
    return f"[{interval[0]:+.1%}, {interval[1]:+.1%}]"
