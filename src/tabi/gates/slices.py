"""The worst slice must not be much worse than all rows together."""

from __future__ import annotations

from tabi.bundle import layout
from tabi.gates.candidate import Candidate
from tabi.gates.verdict import Verdict, level_above
from tabi.training.reports.slices import worst_slices

GATE = "slices"
RATIO = 3.0


def slices_gate(candidate: Candidate) -> Verdict:
    """Fail where a slice's error is above the project's bound, in parts of that of all rows; warn above the usual one.

    A slice counts by the favourable end of its interval: small ones are worse by chance.
    """
    found = worst_slices(candidate.subject)
    listed = sorted([*found["slices"], *found["pairs"]], key=lambda each: -each["low"])
    overall = float(found["overall"])
    report = f"{layout.REPORTS}slices.json"
    if not listed or overall == 0:
        return Verdict(GATE, "pass", {"overall": overall}, "no slice is certainly worse than all rows", report)
    worst = listed[0]
    ratio = worst["low"] / overall
    level = level_above(ratio, candidate.gates.slices.ratio_maximum, RATIO)
    figures = {"overall": overall, "worst": worst["error"], "low": worst["low"], "ratio": ratio, "rows": worst["rows"]}
    reason = (
        f"{worst['slice']}: {found['error']} {worst['error']:.3g} [{worst['low']:.3g}, {worst['high']:.3g}] of "
        f"{worst['rows']:,} rows, {overall:.3g} of all"
    )
    return Verdict(GATE, level, {name: float(value) for name, value in figures.items()}, reason, report)
