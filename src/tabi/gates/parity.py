"""The graph must compute what the pipeline computes."""

from __future__ import annotations

from tabi.bundle import layout
from tabi.compile import Parity
from tabi.gates.candidate import Candidate
from tabi.gates.verdict import Verdict


def parity_gate(candidate: Candidate) -> Verdict:
    """Fail where any row's prediction differs by more than the proof's bound."""
    return proved(candidate.parity)


def proved(parity: Parity) -> Verdict:
    """The verdict on a proof."""
    figures = {"max_abs_diff": parity.max_abs_diff, "bound": parity.bound, "rows": float(parity.rows)}
    if parity.holds:
        reason = f"{parity.rows} rows agree within {parity.max_abs_diff:.1e}"
        return Verdict("parity", "pass", figures, reason, layout.PARITY)
    place = f"{parity.worst.kind} row {parity.worst.row}"
    reason = (
        f"step {parity.step} differs by {parity.max_abs_diff:.1e} on {place}, bound {parity.bound:.0e}: "
        "use another step there, and report it with parity.json"
    )
    return Verdict("parity", "fail", figures, reason, layout.PARITY)
