"""Which versions have answered how many rows, by arm of the policy and window of time."""

from __future__ import annotations

from datetime import UTC, datetime

from tabi.monitoring.question import Question
from tabi.monitoring.section import Found

_QUERY = """
SELECT version, arm, window_of(time) AS begin, count(*) AS rows, count(DISTINCT id) AS requests,
       quantile_cont(ms, 0.95) AS p95, count(*) FILTER (WHERE len(warnings) > 0) AS warned
FROM predictions GROUP BY ALL ORDER BY begin, version, arm
"""


def look(question: Question) -> Found:
    """No traffic is worth a warning; nothing here fails."""
    window = question.asked.window
    width = None if window is None else window.total_seconds()
    start = "0.0" if width is None else f"floor(time / {width}) * {width}"
    rows = question.tables.rows(_QUERY.replace("window_of(time)", start))
    groups = [
        {
            "version": version,
            "arm": arm,
            "begin": "" if width is None else datetime.fromtimestamp(begin, UTC).isoformat(),
            "rows": count,
            "requests": requests,
            "p95_ms": p95,
            "warned": warned,
        }
        for version, arm, begin, count, requests, p95, warned in rows
    ]
    total = sum(each["rows"] for each in groups)
    unreadable = question.tables.unreadable
    reason = f"{total} rows" if total else "no row was answered"
    if unreadable:
        reason += f", {unreadable} lines of the log are unreadable"
    return Found(
        title="traffic",
        verdict="pass" if total else "warn",
        reason=reason,
        lines=[_line(each) for each in groups],
        figures={"rows": total, "unreadable": unreadable, "groups": groups},
    )


def _line(group: dict[str, object]) -> str:
    when = f"{str(group['begin'])[:16]} " if group["begin"] else ""
    arm = f" arm {group['arm']}" if group["arm"] else ""
    return (
        f"{when}{str(group['version'])[:12]}{arm}: {group['rows']} rows, {group['requests']} requests, "
        f"p95 {group['p95_ms']:.2f} ms, {group['warned']} with warnings"
    )
