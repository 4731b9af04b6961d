"""Planning an experiment from what the log knows, and beginning it: the design is kept, then the policy follows."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from tabi.errors import ConfigError, ConflictError, TabiError
from tabi.evidence import Record, append
from tabi.experiments import history
from tabi.experiments.design import Arm, Design, require_levels
from tabi.experiments.divide import divide
from tabi.experiments.effect import DENOMINATOR, NUMERATOR
from tabi.experiments.exposure import DAY_S, Exposed, Span, until
from tabi.experiments.history import Kept
from tabi.experiments.metric import Metric, read_guardrail, read_metric, read_size
from tabi.experiments.plan import Baseline, plan_of
from tabi.registry.approval import require_approved, rules_of
from tabi.registry.identity import Identity, require_role, whoami
from tabi.registry.room import Room
from tabi.registry.versions import Version, version_of
from tabi.workspace import Workspace

LOOK_BACK = timedelta(days=28)
"""How much of the log tells baseline and traffic."""

LEAST_SPAN_S = 3600.0
"""Seconds of traffic below which units a day are not guessed from it."""

_ARM = re.compile(r"([a-z0-9][a-z0-9_-]{0,63})=(\d{1,9})(?::(\d+(?:\.\d*)?|\.\d+))?")


@dataclass(frozen=True)
class Asked:
    """What a person says of an experiment, as text. What is None is looked up in the log, or is not needed."""

    hypothesis: str
    arms: tuple[str, ...]
    metric: str
    effect: str
    unit: str = "user"
    guardrails: tuple[str, ...] = ()
    alpha: float = 0.05
    power: float = 0.8
    baseline: float | None = None
    deviation: float | None = None
    per_day: float | None = None
    window_hours: float = 0.0
    before_days: float = 28.0


class Planned(NamedTuple):
    """A design with its sample, and what else there is to know of it."""

    design: Design
    notes: list[str]


def create(workspace: Workspace, name: str, asked: Asked) -> tuple[Kept, list[str]]:
    """Begin an experiment. `ConflictError` while another is open, or where a version may not get traffic."""
    actor = whoami(workspace)
    require_role(actor, "operator")
    room = Room.open(workspace)
    versions = _versions(room, name, [_read_arm(text) for text in asked.arms])
    design, notes = _planned(room, name, asked, versions)
    _require_control(room, name, design)
    rules = rules_of(workspace, name)
    for version in versions:
        require_approved(rules, version)
    kept = history.begin(room, name, design, actor)
    running, more = _start(room, kept, actor)
    return running, [*notes, *more]


def _start(room: Room, kept: Kept, actor: Identity) -> tuple[Kept, list[str]]:
    """Let the policy divide the units. Where that is refused, the experiment ends before its first unit."""
    try:
        notes = divide(room, kept)
    except TabiError as error:
        history.stopped(room, kept, actor, "", f"refused: {error}", "")
        raise
    running = history.started(room, kept, actor)
    design = running.plan
    append(
        room.workspace.evidence,
        Record(
            kind="experiment",
            subject=kept.name,
            verdict="begun",
            inputs={"experiment": kept.ref, **{f"arm.{arm.name}": arm.bundle for arm in design.arms}},
            figures={"hypothesis": design.hypothesis, "units": design.plan.total, "days": design.plan.days},
        ),
    )
    return running, notes


def plan(workspace: Workspace, name: str, asked: Asked) -> Planned:
    """The design alone: nothing is kept, and no traffic moves."""
    room = Room.open(workspace)
    return _planned(room, name, asked, _versions(room, name, [_read_arm(text) for text in asked.arms]))


def _planned(room: Room, name: str, asked: Asked, versions: Sequence[Version]) -> Planned:
    if not asked.hypothesis.strip():
        raise ConfigError("an experiment answers a question: say --hypothesis 'what you expect, and why'")
    require_levels(asked.alpha, asked.power)
    if not (0 <= asked.window_hours <= 24 * 365 and 0 <= asked.before_days <= 365):
        raise ConfigError("--window is hours and --before is days, from 0 to a year")
    arms = _arms(asked.arms, versions)
    primary, effect = read_metric(asked.metric), read_size(asked.effect)
    guardrails = tuple(read_guardrail(text) for text in asked.guardrails)
    baseline, notes = _baseline(room.workspace, name, asked, primary)
    weights = tuple(arm.weight for arm in arms)
    design = Design(
        hypothesis=" ".join(asked.hypothesis.split()),
        unit=" ".join(asked.unit.split()),
        arms=arms,
        primary=primary,
        effect=effect,
        plan=plan_of(primary, effect, weights, baseline, asked.alpha, asked.power),
        guardrails=guardrails,
        alpha=asked.alpha,
        power=asked.power,
        window_hours=asked.window_hours,
        before_days=asked.before_days,
    )
    return Planned(design, notes)


def _read_arm(text: str) -> tuple[str, int, float]:
    found = _ARM.fullmatch(text.strip())
    if not found:
        raise ConfigError(f"--arm {text[:60]!r}: write NAME=VERSION or NAME=VERSION:WEIGHT, such as new=4:1")
    return found[1], int(found[2]), float(found[3] or 1)


def _arms(texts: Sequence[str], versions: Sequence[Version]) -> tuple[Arm, ...]:
    read = [_read_arm(text) for text in texts]
    if len({name for name, _, _ in read}) < len(read):
        raise ConfigError("two arms have one name: give each its own with --arm")
    return tuple(
        Arm(name, number, version.bundle, weight)
        for (name, number, weight), version in zip(read, versions, strict=True)
    )


def _versions(room: Room, name: str, read: Sequence[tuple[str, int, float]]) -> list[Version]:
    room.versions(name)
    with room.database.reading() as connection:
        return [version_of(connection, name, number) for _, number, _ in read]


def _require_control(room: Room, name: str, design: Design) -> None:
    """What others are compared with is what answers now: so the way back is the same as before."""
    stored = room.store.policy(name)
    champion = None if stored is None else stored.policy.champion.version
    if champion != design.control.version:
        raise ConflictError(
            f"the first arm is the control and must be the champion, {name}:{champion}: "
            f"say --arm {design.control.name}={champion} first"
        )


def _baseline(workspace: Workspace, name: str, asked: Asked, metric: Metric) -> tuple[Baseline, list[str]]:
    """What is given, and for what is not, what the log says."""
    given = asked.baseline is not None and (metric.kind == "proportion" or asked.deviation is not None)
    seen = None if given and asked.per_day is not None else _seen(workspace, name, metric, asked.window_hours * 3600)
    value = asked.baseline if asked.baseline is not None else seen.value if seen else None
    deviation = asked.deviation if asked.deviation is not None else seen.deviation if seen else 0.0
    per_day = asked.per_day if asked.per_day is not None else seen.per_day if seen else None
    if value is None or not math.isfinite(value):
        more = "" if metric.kind == "proportion" else " and --deviation, per unit"
        raise ConfigError(f"the log of {name} does not tell {metric.name} yet: give --baseline{more}")
    if per_day is not None and not (per_day > 0 and math.isfinite(per_day)):
        raise ConfigError("--units-per-day is a number above 0")
    notes = ["the log does not tell the traffic yet, so days are not known"] if per_day is None else []
    return Baseline(value, deviation, per_day), notes


def _seen(workspace: Workspace, name: str, metric: Metric, window: float) -> Baseline | None:
    """What the log of the last weeks says of the units of now; None where it has none."""
    from tabi.monitoring.tables import LogTables

    now = datetime.now(UTC)
    begin = now - LOOK_BACK
    span = Span(begin.timestamp(), begin.timestamp(), now.timestamp(), window)
    with LogTables(workspace.predictions, name, begin, now) as tables:
        exposed = Exposed(tables, span, None, [metric])
        sums = until(exposed.daily(metric)[""])
        seconds = exposed.seconds
    if sums is None or sums.count() < 2:
        return None
    denominator = DENOMINATOR if metric.kind == "ratio" else None
    per_day = sums.count() / seconds * DAY_S if seconds >= LEAST_SPAN_S else None
    if sums.mean(denominator) <= 0:
        return Baseline(math.nan, 0.0, per_day)
    variance = sums.ratio_var(NUMERATOR, denominator)
    return Baseline(sums.mean(NUMERATOR) / sums.mean(denominator), math.sqrt(max(0.0, variance)), per_day)
