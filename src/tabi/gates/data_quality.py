"""The snapshot's rows must be what the contract and the project say of them. The contract is checked by pandera."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tabi.data import Violation, check_rows
from tabi.data.sample import hashes_of
from tabi.gates.candidate import Candidate
from tabi.gates.verdict import Level, Verdict, level_above, level_below, worst

GATE = "data_quality"
# the usual bounds
ROWS, MISSING, DUPLICATES, CLASS = 100, 0.5, 0.1, 0.01


class Check(NamedTuple):
    """One question about the rows, and what it came to. `column`: where it is about one."""

    check: str
    level: Level
    value: float
    bound: float
    text: str
    column: str | None = None


def data_quality_gate(candidate: Candidate) -> Verdict:
    """Fail where a rule of the contract or a bound of the project is broken, warn above the usual bounds."""
    count = candidate.table.snapshot.rows
    rules = _rules(candidate, count)
    checks = [
        _rows(candidate, count),
        *rules,
        *_missing(candidate, count),
        _duplicates(candidate),
        *_classes(candidate),
    ]
    figures = {"rows": float(count), "rules_broken": float(len(rules))}
    for name in ("missing", "duplicates", "class"):
        values = [each.value for each in checks if each.check == name]
        if values:
            figures[name] = min(values) if name == "class" else max(values)
    report = candidate.report(GATE, {"rows": count, "checks": [each._asdict() for each in checks]})
    level = worst([each.level for each in checks])
    wrong = [each.text for each in sorted(checks, key=lambda each: each.level != level) if each.level != "pass"]
    reason = f"{count:,} rows keep every rule" if not wrong else "; ".join(wrong[:5])
    if len(wrong) > 5:
        reason += f"; and {len(wrong) - 5} more"
    return Verdict(GATE, level, figures, reason, report)


def _rows(candidate: Candidate, count: int) -> Check:
    bound = candidate.gates.data_quality.rows_minimum
    return Check("rows", level_below(count, bound, ROWS), count, bound or ROWS, f"{count:,} rows are few")


def _rules(candidate: Candidate, count: int) -> list[Check]:
    """The rules of the contract: types, ranges, categories, uniqueness, and what must not be missing."""
    bound = candidate.gates.data_quality.broken_maximum
    found = check_rows(candidate.table.snapshot.table(), candidate.contract, candidate.run.config)
    target = candidate.contract.target.name
    # rows without a target are left out of training
    return [_rule(violation, count, bound, harmless=violation.column == target) for violation in found]


def _rule(violation: Violation, count: int, bound: float, *, harmless: bool) -> Check:
    share = violation.count / count
    level = level_above(share, bound, bound)
    text = f"column {violation.column!r}: {violation.count:,} rows break {violation.rule}"
    return Check(
        violation.rule, "warn" if harmless and level == "fail" else level, share, bound, text, violation.column
    )


def _missing(candidate: Candidate, count: int) -> list[Check]:
    bound = candidate.gates.data_quality.missing_maximum
    found = []
    for column in candidate.contract.columns:
        share = column.reference.missing / count if column.reference else 0.0
        text = f"column {column.name!r} has no value in {share:.0%} of the rows"
        level = level_above(share, bound, MISSING)
        found.append(Check("missing", level, share, MISSING if bound is None else bound, text, column.name))
    return found


def _duplicates(candidate: Candidate) -> Check:
    """Rows that repeat another in every column, those that the model does not see among them."""
    hashes = np.concatenate([hashes_of(frame) for frame in candidate.table.snapshot.table().frames()])
    again = len(hashes) - len(np.unique(hashes))
    share, bound = again / len(hashes), candidate.gates.data_quality.duplicates_maximum
    text = f"{again:,} rows repeat an earlier one"
    return Check(
        "duplicates", level_above(share, bound, DUPLICATES), share, DUPLICATES if bound is None else bound, text
    )


def _classes(candidate: Candidate) -> list[Check]:
    """The balance of the labels; numbers have none."""
    if candidate.contract.target.task == "regression":
        return []
    counts = np.bincount(candidate.table.y, minlength=len(candidate.contract.target.classes))
    share, bound = float(counts.min() / counts.sum()), candidate.gates.data_quality.class_minimum
    text = f"the rarest class has {counts.min():,} rows, {share:.1%} of all"
    return [Check("class", level_below(share, bound, CLASS), share, CLASS if bound is None else bound, text)]
