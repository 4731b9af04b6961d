"""What the answers of each version were worth, by the values that came with feedback."""

from __future__ import annotations

from math import isfinite

from tabi.monitoring.groups import Group, Groups
from tabi.monitoring.intervals import Estimate, mean
from tabi.monitoring.question import Question
from tabi.monitoring.section import Found, not_judged

TITLE = "business value"
KIND = "experiment-metric"


def look(question: Question) -> Found:
    """The mean value of the rows that have one, by version and arm, and by window and slice where one is asked for."""
    asked = question.asked
    if asked.by:
        question.refuse_hidden(asked.by)
    groups = Groups(question.tables, question.bundle.contract(), asked.window, asked.by)
    found = [(group, mean(groups.outcomes(group))) for group in groups.all() if group.valued]
    count = sum(group.valued for group, _ in found)
    if not count:
        return not_judged(TITLE, "no row has a value", {"rows": 0, "groups": []})
    return Found(
        title=TITLE,
        verdict="pass",
        reason=f"{count} rows have a value",
        lines=[_line(group, estimate, question.bounds.least_rows) for group, estimate in found],
        figures={"rows": count, "groups": [{**group._asdict(), "mean": _plain(each)} for group, each in found]},
        evidence=KIND,
    )


def _line(group: Group, estimate: Estimate, least: int) -> str:
    where = " ".join(filter(None, [group.begin[:16], group.slice, group.version[:12], group.arm]))
    ends = f" [{estimate.low:.4g}, {estimate.high:.4g}]" if isfinite(estimate.low) else ""
    few = ", few" if group.valued < least else ""
    return f"{where}: mean {estimate.value:.4g}{ends} of {group.valued} rows{few}"


def _plain(estimate: Estimate) -> dict[str, float | None]:
    return {end: value if isfinite(value) else None for end, value in estimate._asdict().items()}
