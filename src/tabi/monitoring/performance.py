"""How well each version answers by the labels that came back, against its release and the project's bounds.

Bounds are judged over the whole time, for the version that answers now. Windows and slices are only shown: among many
small groups one is always bad.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any, NamedTuple

from tabi.bundle import Bundle, layout
from tabi.errors import TabiError
from tabi.monitoring.groups import Group, Groups
from tabi.monitoring.intervals import Estimate
from tabi.monitoring.joined import LATE_DAYS
from tabi.monitoring.measures import LESS_IS_BETTER, measures_of
from tabi.monitoring.question import Question
from tabi.monitoring.section import Found, Verdict, too_few, worst
from tabi.monitoring.tabulate import side_by_side

KIND = "performance"


class Measured(NamedTuple):
    """A group with its estimates, and with what its version's release measured on its test rows."""

    group: Group
    estimates: dict[str, Estimate]
    release: Mapping[str, float]


class Judgement(NamedTuple):
    """`judged`: whether a bound was held against enough labels. `needed`: labels, where they are too few."""

    verdict: Verdict
    reason: str
    judged: bool
    needed: int | None = None


def look(question: Question) -> Found:
    """The whole time by version and arm, and the pieces that were asked for."""
    asked, joins = question.asked, question.tables.joins
    whole = _measured(question, Groups(question.tables, question.bundle.contract(), None, None))
    cut = []
    if asked.by:
        question.refuse_hidden(asked.by)
    if asked.window or asked.by:
        cut = _measured(question, Groups(question.tables, question.bundle.contract(), asked.window, asked.by))
    judgement = _judge(question, whole)
    told = {**joins._asdict(), "late_days": LATE_DAYS}
    bounds = {"minimum": dict(question.bounds.minimum), "maximum": dict(question.bounds.maximum)}
    figures = {
        "feedback": told,
        "bounds": bounds,
        "least_rows": question.bounds.least_rows,
        "groups": [_plain(each) for each in whole],
        "cut": [_plain(each) for each in cut],
    }
    least = question.bounds.least_rows
    lines = [_feedback_line(told), *side_by_side(whole, question.bundle.id, least)]
    lines += [line for each in cut for line in _lines_of(each, least)]
    return Found(
        title="performance",
        verdict=judgement.verdict,
        reason=judgement.reason,
        lines=lines,
        figures=figures,
        needed=judgement.needed,
        evidence=KIND if judgement.judged else "",
    )


def _measured(question: Question, groups: Groups) -> list[Measured]:
    task = question.bundle.contract().target.task
    releases: dict[str, Mapping[str, float]] = {}
    found = []
    for group in groups.all():
        if group.version not in releases:
            releases[group.version] = _release_of(question, group.version)
        found.append(Measured(group, measures_of(task, groups.labelled(group)), releases[group.version]))
    return found


def _release_of(question: Question, version: str) -> Mapping[str, float]:
    """What the release of a version measured; nothing where its bundle is no more here."""
    try:
        bundle = Bundle.open(question.store.open_path(question.name, version))
        found: dict[str, float] = json.loads(bundle.document(layout.METRICS))
    except (TabiError, OSError):
        return {}
    return found


def _judge(question: Question, whole: list[Measured]) -> Judgement:
    ours = [each for each in whole if each.group.version == question.bundle.id]
    enough = [each for each in ours if each.group.labelled >= question.bounds.least_rows]
    bounds = [(name, bound, 1) for name, bound in question.bounds.minimum.items()]
    bounds += [(name, bound, -1) for name, bound in question.bounds.maximum.items()]
    labels = sum(each.group.labelled for each in ours)
    if not enough:
        least = question.bounds.least_rows
        told = too_few(labels, least, "labels of this version")
        # a bound that nothing can be held against is worth a warning
        said = f"not judged: {told}" if bounds else told
        return Judgement("warn" if bounds else "not judged", said, judged=False, needed=least)
    found = [_against(each, *bound) for each in enough for bound in bounds]
    # a project's bound decides; to be worse than the release is only told
    fallen = [text for each in enough for text in _fallen(each)]
    if fallen:
        found.append(("warn", "; ".join(fallen)))
    bad = [text for verdict, text in found if verdict != "pass"]
    kept = f"{labels} labels, {f'{len(bounds)} bounds kept' if bounds else 'no bound is stated'}"
    return Judgement(worst([verdict for verdict, _ in found]), "; ".join(bad) or kept, judged=bool(bounds))


def _against(each: Measured, name: str, bound: float, sign: int) -> tuple[Verdict, str]:
    estimate = each.estimates.get(name)
    words = f"monitor.{'minimum' if sign > 0 else 'maximum'}.{name} {bound:g}"
    if estimate is None:
        return "fail", f"{words}: there is no measure {name!r}, there are {', '.join(each.estimates)}"
    # what is no number keeps no bound
    if sign * estimate.value >= sign * bound:
        return "pass", ""
    sure = sign * (estimate.high if sign > 0 else estimate.low) < sign * bound
    doubt = "" if sure else ", within what chance allows"
    return "fail", f"{name} {shown(estimate)} breaks {words}{doubt}"


def _fallen(each: Measured) -> Iterator[str]:
    """Measures whose whole interval is on the worse side of the release's figure."""
    for name, estimate in each.estimates.items():
        release = each.release.get(name)
        if release is None:
            continue
        if (estimate.low > release) if name in LESS_IS_BETTER else (estimate.high < release):
            yield f"{name} {shown(estimate)} is worse than {release:.4f} at the release"


def shown(estimate: Estimate) -> str:
    """A value with its interval."""
    ends = f" [{estimate.low:.4f}, {estimate.high:.4f}]" if isfinite(estimate.low) else ""
    return f"{estimate.value:.4f}{ends}"


def _feedback_line(told: dict[str, Any]) -> str:
    delay = "" if told["delay"] is None else f", half of it within {_span(told['delay'])}"
    late = f"{told['late']} later than {told['late_days']} days"
    rest = f"{told['unmatched']} without a row, {told['repeated']} repeated"
    return f"feedback: {told['given']} pieces{delay}; {late}, {rest}"


def _span(seconds: float) -> str:
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} seconds"


def _lines_of(each: Measured, least: int) -> Iterator[str]:
    group = each.group
    where = [group.begin[:16], group.slice, group.version[:12], group.arm]
    few = ", few" if group.labelled < least else ""
    measures = ", ".join(f"{name} {shown(estimate)}" for name, estimate in each.estimates.items())
    counts = f"{group.rows} rows, {group.labelled} labelled{few}"
    yield f"{' '.join(filter(None, where))}: {'; '.join(filter(None, [counts, measures]))}"


def _plain(each: Measured) -> dict[str, Any]:
    """For JSON, which has no NaN."""
    estimates = {
        name: {end: value if isfinite(value) else None for end, value in estimate._asdict().items()}
        for name, estimate in each.estimates.items()
    }
    release = {name: each.release[name] for name in estimates if name in each.release}
    return {**each.group._asdict(), "measures": estimates, "release": release}
