"""What an experiment says at a moment: first whether it can be read at all, then effects, guardrails and the judgement.

Sums of past days are of the units that were first seen up to then, with all that is known of them now.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from tabi.experiments.bayes import Belief, beliefs_of
from tabi.experiments.design import Design
from tabi.experiments.effect import Effect, Interval, Pair, effect_of, pair_of
from tabi.experiments.exposure import DAY_S, Daily, Exposed, Span, until
from tabi.experiments.history import Kept
from tabi.experiments.judge import Action, Guarded, guarded, judge
from tabi.experiments.metric import Metric
from tabi.experiments.ratio import broken, smallest
from tabi.experiments.several import effects_of
from tabi.workspace import Workspace

if TYPE_CHECKING:
    from tea_tasting.aggr import Aggregates

OFTEN = 0.01
"""Share of units that were seen in several arms above which it is worth a note."""


class Point(msgspec.Struct, frozen=True):
    """The primary metric's effect of an arm, as it stood at the end of a day."""

    day: int
    arm: str
    difference: float
    always: Interval
    fixed: Interval


class Reading(msgspec.Struct, frozen=True):
    """All that is known of an experiment at a moment.

    `units`: by arm, as exposed; `planned` likewise. `split_p`: of the sample ratio, the
    smallest of all days; None while units are few.
    `effects`: of each treatment on the primary metric, None while it cannot be read. `feedback`: rows of which
    something became known. Where the split is broken there are no effects.
    """

    name: str
    experiment: str
    hypothesis: str
    unit: str
    metric: str
    effect: str
    alpha: float
    at: str
    day: float
    days: int | None
    control: str
    units: dict[str, int]
    planned: dict[str, int]
    split_p: float | None
    effects: list[Effect | None]
    guardrails: list[Guarded]
    beliefs: list[Belief]
    series: list[Point]
    feedback: int
    changed: int
    notes: list[str]
    action: Action
    arm: str | None
    line: str


class _Look(NamedTuple):
    """What the log has of the units of an experiment: `arrived` by day and arm, `daily` by metric."""

    units: dict[str, int]
    arrived: list[list[int]]
    changed: int
    feedback: int
    unreadable: int
    daily: dict[Metric, Daily]


class _Seen(NamedTuple):
    """What is read where the split is sound."""

    effects: list[Effect | None]
    guardrails: list[Guarded]
    beliefs: list[Belief]
    series: list[Point]


def read(workspace: Workspace, kept: Kept, now: datetime | None = None) -> Reading:
    """Read the log as it is now. It writes nothing."""
    design, moment = kept.plan, now or datetime.now(UTC)
    start = datetime.fromisoformat(kept.at)
    look = _look(workspace, kept.name, design, start, moment)
    day = (moment - start).total_seconds() / DAY_S
    p = smallest(look.arrived, [arm.weight for arm in design.arms], design.plan.total)
    why = _unevenness(look.units, design) if broken(p) else None
    seen = _seen(design, look) if why is None else _Seen([], [], [], [])
    judged = judge(design, seen.effects, seen.guardrails, broken=why, units=_readable(look, design), day=day)
    return Reading(
        name=kept.name,
        experiment=kept.ref,
        hypothesis=design.hypothesis,
        unit=design.unit,
        metric=str(design.primary),
        effect=str(design.effect),
        alpha=design.alpha,
        at=moment.isoformat(),
        day=day,
        days=design.plan.days,
        control=design.control.name,
        units=look.units,
        planned={arm.name: units for arm, units in zip(design.arms, design.plan.units, strict=True)},
        split_p=p,
        **seen._asdict(),
        feedback=look.feedback,
        changed=look.changed,
        notes=[*_notes(look, design), *_earlier(design, seen)],
        action=judged.action,
        arm=judged.arm,
        line=judged.line,
    )


def _seen(design: Design, look: _Look) -> _Seen:
    daily = look.daily[design.primary]
    return _Seen(
        effects_of(_pairs(design, design.primary, daily), design.alpha),
        _guardrails(design, look.daily),
        beliefs_of(design.primary, _sums(daily)),
        _series(design, daily),
    )


def _look(workspace: Workspace, name: str, design: Design, start: datetime, moment: datetime) -> _Look:
    from tabi.monitoring.tables import LogTables

    before = start - timedelta(days=design.before_days)
    span = Span(before.timestamp(), start.timestamp(), moment.timestamp(), design.window_hours * 3600)
    metrics = [design.primary, *design.guardrails]
    with LogTables(workspace.predictions, name, before, moment) as tables:
        exposed = Exposed(tables, span, design.arms, metrics)
        daily = {metric: exposed.daily(metric) for metric in metrics}
        return _Look(exposed.units, exposed.arrived, exposed.changed, exposed.with_feedback, tables.unreadable, daily)


def _pairs(design: Design, metric: Metric, daily: Daily, day: int | None = None) -> list[Pair | None]:
    """Each treatment against the control, of the units up to a day, or of all."""
    control = until(daily[design.control.name], day)
    found: list[Pair | None] = []
    for arm in design.treatments:
        treatment = until(daily[arm.name], day)
        if control is None or treatment is None:
            found.append(None)
        else:
            found.append(pair_of(arm.name, metric, control, treatment, design.planned(arm), design.level))
    return found


def _guardrails(design: Design, daily: Mapping[Metric, Daily]) -> list[Guarded]:
    found = []
    for metric in design.guardrails:
        for arm, pair in zip(design.treatments, _pairs(design, metric, daily[metric]), strict=True):
            found.append(guarded(arm, metric, None if pair is None else effect_of(pair, design.alpha)))
    return found


def _sums(daily: Daily) -> dict[str, Aggregates]:
    found = {arm: until(days) for arm, days in daily.items()}
    return {arm: sums for arm, sums in found.items() if sums is not None}


def _series(design: Design, daily: Daily) -> list[Point]:
    days = sorted({day for each in daily.values() for day in each})
    return [
        Point(day, effect.arm, effect.difference, effect.always, effect.fixed)
        for day in days
        for effect in effects_of(_pairs(design, design.primary, daily, day), design.alpha)
        if effect is not None
    ]


def _readable(look: _Look, design: Design) -> int:
    """Units that count towards the plan: with a window, those whose window has passed."""
    return sum(sums.count() for sums in _sums(look.daily[design.primary]).values())


def _unevenness(units: Mapping[str, int], design: Design) -> str:
    weights = "/".join(f"{arm.weight:g}" for arm in design.arms)
    told = ", ".join(f"{arm} {count:,}" for arm, count in units.items())
    return f"units are not split {weights} ({told})"


def _notes(look: _Look, design: Design) -> list[str]:
    notes, seen = [], sum(look.units.values())
    if seen and look.changed / seen > OFTEN:
        notes.append(f"{look.changed:,} of {seen:,} units were seen in several arms; the first one counts")
    if any(metric.needs_feedback for metric in (design.primary, *design.guardrails)) and not look.feedback:
        notes.append("no feedback has come yet: send it to POST /feedback, with the unit or the request's id")
    waiting = seen - _readable(look, design)
    if waiting:
        notes.append(f"{waiting:,} units wait until {design.window_hours:g} hours have passed for them")
    if look.unreadable:
        notes.append(f"{look.unreadable:,} lines of the log could not be read")
    return notes


def _earlier(design: Design, seen: _Seen) -> list[str]:
    """Arms whose interval lay beside zero at the end of a day, and does so no more."""
    open_ones = {effect.arm for effect in seen.effects if effect is not None and not effect.found}
    days: dict[str, int] = {}
    for point in seen.series:
        if point.arm in open_ones and (point.always[0] > 0 or point.always[1] < 0):
            days.setdefault(point.arm, point.day + 1)
    return [
        f"the interval of {arm} in {design.primary.name} lay beside zero after day {day}, and does so no more"
        for arm, day in days.items()
    ]
