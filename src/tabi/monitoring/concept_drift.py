"""The section of the concept: whether errors on labelled rows have changed, and since when."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import numpy as np

from tabi.contract.bins import Floats
from tabi.monitoring.concept import LEAST, Change, changes
from tabi.monitoring.question import Question
from tabi.monitoring.section import Found, not_judged, too_few

TITLE = "drift of the concept"
KIND = "concept-drift"

_CLASSES = "CASE WHEN label = target THEN 0.0 ELSE 1.0 END"
_NUMBERS = "abs(value - TRY_CAST(target AS DOUBLE))"
# of the errors of a regression, larger ones count as this one
_LARGE = 0.99


def look(question: Question) -> Found:
    """Errors that rose are worth a warning; that they fell is only told."""
    times, errors = _errors(question)
    if len(errors) < LEAST:
        reason = too_few(len(errors), LEAST, "labelled rows")
        return not_judged(TITLE, reason, {"rows": len(errors), "changes": []}, needed=LEAST)
    found = changes(times, errors)
    worse = [change for change in found if change.worse]
    reason = f"errors of {len(errors)} labelled rows have not risen"
    if worse:
        reason = f"errors rose since {_moment(worse[-1].begin)}, seen by {worse[-1].detector}"
    return Found(
        title=TITLE,
        verdict="warn" if worse else "pass",
        reason=reason,
        lines=[_line(change) for change in found],
        figures={"rows": len(errors), "error": float(np.mean(errors)), "changes": msgspec.to_builtins(found)},
        evidence=KIND,
    )


def _errors(question: Question) -> tuple[Floats, Floats]:
    """Moments of the answers in order, and the error of each: 0 or 1 of a label, of a number a share of a large one."""
    tables = question.tables
    _ = tables.joins
    regression = question.bundle.contract().target.task == "regression"
    error = _NUMBERS if regression else _CLASSES
    found = tables.columns(
        f"SELECT time, {error} AS error FROM joined WHERE version = $version AND target IS NOT NULL "  # noqa: S608
        f"AND {error} IS NOT NULL ORDER BY time, row",
        version=question.bundle.id,
    )
    times, errors = (np.asarray(np.ma.getdata(found[name]), dtype=np.float64) for name in ("time", "error"))
    if regression and len(errors):
        large = float(np.quantile(errors, _LARGE)) or 1.0
        errors = np.minimum(errors / large, 1.0)
    return times, errors


def _line(change: Change) -> str:
    word = "rose" if change.worse else "fell"
    return (
        f"{change.detector}: the mean error {word} from {change.before:.3f} to {change.after:.3f} since"
        f" {_moment(change.begin)}, seen {_moment(change.at)}"
    )


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}"
