"""A plan, a reading and the history as text for a person, or as JSON for a program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from tabi.experiments.design import Design
from tabi.experiments.effect import Effect, Interval
from tabi.experiments.history import Kept
from tabi.experiments.judge import Guarded
from tabi.experiments.ratio import ALARM
from tabi.experiments.status import Reading

LEAST_EXPLAINED = 0.005
"""Share of the variance below which a covariate is not worth a line."""

_HEADS = ("arm", "units", "planned", "value", "difference", "valid at every look", "p", "one look", "best", "loss")


def plan_lines(design: Design) -> list[str]:
    """What a design asks for."""
    plan, arms = design.plan, design.arms
    lines = [
        f"question    {design.hypothesis}",
        f"unit        {design.unit}, by X-Unit-Id",
        f"metric      {design.primary} ({design.primary.kind}), {plan.baseline:.4g} now; effect of {design.effect}",
        *(f"guardrail   {guardrail}" for guardrail in design.guardrails),
        f"test        alpha {design.alpha:g}, power {design.power:g}, looked at every day; Holm over the arms",
        "",
        *_aligned(
            ("arm", "version", "weight", "units needed"),
            [
                (arm.name, str(arm.version), f"{arm.weight:g}", f"{units:,}")
                for arm, units in zip(arms, plan.units, strict=True)
            ],
        ),
        "",
        f"{plan.total:,} units together; a test that is looked at once, at the end, would need {plan.fixed:,}",
    ]
    if plan.days is not None and plan.per_day is not None and plan.typical is not None:
        lines.append(
            f"{_days(plan.days)} at {plan.per_day:,.0f} units a day; with an effect of {design.effect} one stops "
            f"after {plan.typical:.1f} in the mean"
        )
    return lines


def reading_lines(kept: Kept, reading: Reading) -> list[str]:
    """The table of a reading; the last line says what to do."""
    days = "" if reading.days is None else f" of {reading.days}"
    lines = [
        f"{reading.experiment} of {reading.name}: {reading.hypothesis}",
        f"{kept.state}, day {reading.day:.1f}{days}, {reading.metric} per {reading.unit}",
        "",
        *_aligned(_HEADS, arm_rows(reading)),
    ]
    if reading.guardrails:
        heads = ("guardrail", "arm", "may be worse", "is", "valid at every look")
        lines += ["", *_aligned(heads, [guardrail_row(each) for each in reading.guardrails])]
    lines += ["", split_line(reading), *covariate_lines(reading), *(f"note: {note}" for note in reading.notes)]
    if kept.state == "stopped":
        lines.append(decision_line(kept))
    return [*lines, "", reading.line]


def decision_line(kept: Kept) -> str:
    """How it ended."""
    decided = f"{kept.decision} was shipped" if kept.decision else "back to the champion"
    return f"stopped {kept.ended_at[:16].replace('T', ' ')} by {kept.decided_by}: {decided}, {kept.reason}"


def split_line(reading: Reading) -> str:
    """What the test of the sample ratio says."""
    if reading.split_p is None:
        return "split: too few units to judge"
    return f"split: chance of one as uneven at any look {reading.split_p:.2g} (broken at {ALARM:g})"


def covariate_lines(reading: Reading) -> list[str]:
    """What the time before the experiment takes away of the variance (CUPED), where it does."""
    explained = max((effect.explained for effect in reading.effects if effect is not None), default=0.0)
    if explained < LEAST_EXPLAINED:
        return []
    return [f"covariate: what the units did before the start takes {explained:.0%} of the variance away"]


def arm_rows(reading: Reading) -> list[tuple[str, ...]]:
    """A row of text for each arm, under the heads of the table."""
    effects = {effect.arm: effect for effect in reading.effects if effect is not None}
    beliefs = {belief.arm: belief for belief in reading.beliefs}
    first = next(iter(effects.values()), None)
    rows: list[tuple[str, ...]] = []
    for arm, units in reading.units.items():
        belief = beliefs.get(arm)
        believed = (f"{belief.best:.1%}", f"{belief.loss:.2g}") if belief else ("–", "–")
        start = (arm, f"{units:,}", f"{reading.planned[arm]:,}")
        if arm == reading.control:
            rows.append((*start, f"{first.control:.4g}" if first else "–", "control", "", "", "", *believed))
        elif arm in effects:
            rows.append((*start, *effect_cells(effects[arm]), *believed))
        else:
            rows.append((*start, "–", "–", "–", "–", "–", *believed))
    return rows


def effect_cells(effect: Effect) -> tuple[str, str, str, str, str]:
    """Value, difference, its interval, the adjusted p-value, and the interval of one look."""
    told = f"{effect.difference:+.3g}"
    if effect.relative is not None:
        told += f" ({effect.relative:+.1%})"
    return (
        f"{effect.treatment:.4g}",
        told,
        interval(effect.always),
        f"{effect.adjusted_p:.2g}",
        interval(effect.fixed),
    )


def guardrail_row(each: Guarded) -> tuple[str, ...]:
    """A row of text."""
    return (each.metric, each.arm, each.margin, each.state, interval(each.effect.always) if each.effect else "–")


def interval(bounds: Interval) -> str:
    """The two bounds."""
    return f"[{bounds[0]:+.3g}, {bounds[1]:+.3g}]"


def history_lines(experiments: Sequence[Kept]) -> list[str]:
    """A line for each experiment, the newest last."""
    heads = ("model", "experiment", "state", "begun", "by", "decision", "reason")
    return _aligned(
        heads,
        [
            (
                kept.name,
                kept.ref,
                kept.state,
                kept.at[:16].replace("T", " "),
                kept.by,
                (kept.decision or "back") if kept.state == "stopped" else "–",
                kept.reason or kept.plan.hypothesis,
            )
            for kept in experiments
        ],
    )


def reading_json(kept: Kept, reading: Reading) -> bytes:
    """All of it in one document."""
    return msgspec.json.encode({"kept": kept.document() | {"result": None}, "reading": reading})


def plan_json(design: Design, notes: Sequence[str], experiment: str | None) -> bytes:
    """The design with its sample, and the experiment that was begun with it."""
    found: dict[str, Any] = {"experiment": experiment, "design": design, "total": design.plan.total, "notes": notes}
    return msgspec.json.encode(found)


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count:,} days"


def _aligned(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[place]) for row in (heads, *rows)) for place in range(len(heads))]
    return [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (heads, *rows)
    ]
