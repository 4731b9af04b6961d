"""The section of drift: each column and the score of the version that answers now, against its bundle's reference."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np

from tabi.bundle.reference import reference_of
from tabi.contract.bins import Bins, Counts, all_bins, score_bins
from tabi.monitoring.counting import Windows, added, count_windows
from tabi.monitoring.drift import shares
from tabi.monitoring.judged import SCORE, ColumnDrift, Rules, judge
from tabi.monitoring.question import Question
from tabi.monitoring.section import Found, Verdict, too_few
from tabi.monitoring.watched import batches

TITLE = "drift of columns"
KIND = "drift"
# columns that are worth a line though nothing is the matter with them
SHOWN = 5


def look(question: Question) -> Found:
    """A column that has drifted is worth a warning; one beyond the project's own bound fails."""
    contract = question.bundle.contract()
    reference = reference_of(question.bundle, contract)
    bins: dict[str, Bins] = {**all_bins(contract), SCORE: score_bins(contract.target, reference.scores)}
    window = question.asked.window
    width = None if window is None else window.total_seconds()
    windows = count_windows(batches(question, contract), bins, width)
    rules = _rules(question)
    whole = added(windows)
    columns = judge(whole, bins, rules) if whole else []
    series = _series(windows, bins, rules) if width else []
    # of several windows the newest that is large enough decides
    newest = next((each for each in reversed(series) if each["rows"] >= rules.least_rows), None)
    judged = columns if newest is None else newest["columns"]
    verdict, reason, needed = _verdict(judged, question.bounds.drift.psi_maximum, rules.least_rows)
    if not whole:
        verdict, reason, needed = "not judged", too_few(0, rules.least_rows), rules.least_rows
    return Found(
        title=TITLE,
        verdict=verdict,
        reason=reason if newest is None else f"window of {newest['begin'][:16]}: {reason}",
        lines=[*_table(columns), *_hidden(question), *(_line(each) for each in series)],
        figures={
            "rules": rules._asdict(),
            "hidden": sorted(question.hidden),
            "columns": msgspec.to_builtins(columns),
            "windows": [{**each, "columns": msgspec.to_builtins(each["columns"])} for each in series],
        },
        needed=needed,
        pages={"bins": _shares(whole, bins)},
        evidence=KIND,
    )


def _hidden(question: Question) -> list[str]:
    names = ", ".join(sorted(question.hidden))
    return [f"not judged, since the log does not hold them as they are: {names}"] if names else []


def _rules(question: Question) -> Rules:
    asked = question.bounds.drift
    return Rules(asked.alpha, asked.psi_floor, asked.least_rows)


def _series(windows: Windows, bins: Mapping[str, Bins], rules: Rules) -> list[dict[str, Any]]:
    """Each window's columns that have drifted or are furthest away."""
    found = []
    for begin, counts in windows.items():
        columns = judge(counts, bins, rules)
        rows = max((each.rows for each in columns), default=0)
        kept = [each for place, each in enumerate(columns) if each.status == "drift" or place == 0]
        found.append({"begin": datetime.fromtimestamp(begin, UTC).isoformat(), "rows": rows, "columns": kept})
    return found


def _verdict(columns: list[ColumnDrift], maximum: float | None, least: int) -> tuple[Verdict, str, int | None]:
    """The verdict, why, and the rows that are needed where there are too few."""
    drifted = [each for each in columns if each.status == "drift"]
    if drifted:
        broken = [each for each in drifted if maximum is not None and each.psi > maximum]
        first = (broken or drifted)[0]
        more = f" and {len(drifted) - 1} more" if len(drifted) > 1 else ""
        told = f"{first.column}{more} drifted, PSI {first.psi:.3f}"
        return ("fail", f"{told} above {maximum:g}", None) if broken else ("warn", told, None)
    few = [each for each in columns if each.status == "few rows"]
    if not columns:
        return "not judged", "the bundle has no references", None
    if len(few) == len(columns):
        # from here on one of them is judged
        needed = min((each.needed for each in few if each.needed), default=least)
        return "not judged", too_few(few[0].rows, needed), needed
    return "pass", f"{len(columns) - len(few)} of {len(columns)} judged, none drifted", None


def _table(columns: list[ColumnDrift]) -> list[str]:
    """The columns that matter, then as many as fill the table."""
    if not columns:
        return []
    matter = [each for each in columns if each.status in {"drift", "differs"}]
    shown = [*matter, *(each for each in columns if each not in matter)][: max(SHOWN, len(matter))]
    width = max(len("column"), *(len(each.column) for each in shown))
    head = f"{'column':{width}}  {'PSI':>7} {'bound':>7} {'JS':>7} {'test':>5} {'p adj.':>8} {'rows':>8} {'needed':>8}"
    rows = [
        f"{each.column:{width}}  {each.psi:7.4f} {min(each.bound, 99):7.4f} {each.js:7.4f} {each.test:>5}"
        f" {each.adjusted:8.2g} {each.rows:8d} {each.needed if each.needed is not None else '-':>8}  {each.status}"
        for each in shown
    ]
    hidden = len(columns) - len(shown)
    return [head, *rows, *([f"and {hidden} columns without a change"] if hidden else [])]


def _line(window: dict[str, Any]) -> str:
    drifted = [f"{each.column} {each.psi:.3f}" for each in window["columns"] if each.status == "drift"]
    most = window["columns"][0] if window["columns"] else None
    told = f"drift of {', '.join(drifted)}" if drifted else f"most {most.column} {most.psi:.3f}" if most else "-"
    return f"{window['begin'][:16]}  {window['rows']} rows, {told}"


def _shares(whole: Mapping[str, Counts], bins: Mapping[str, Bins]) -> dict[str, Any]:
    """Of each column the names of its bins, and the share of rows in each, then and now."""
    return {
        name: {
            "names": list(bins[name].names),
            "reference": shares(np.array(bins[name].rows)).tolist(),
            "now": shares(counts).tolist(),
        }
        for name, counts in whole.items()
        if any(bins[name].rows)
    }
