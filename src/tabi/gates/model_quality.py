"""The model must be as good as the project asks."""

from __future__ import annotations

from tabi.gates.verdict import Verdict


def auc_gate(auc: float, minimum: float) -> Verdict:
    """Fail where the test set's ROC AUC is below the project's `gates.auc_minimum`."""
    figures = {"auc": auc, "minimum": minimum}
    if auc >= minimum:
        return Verdict("auc", "pass", figures, f"AUC {auc:.4f} on the test set, at least {minimum:.4f} asked")
    reason = f"AUC {auc:.4f} on the test set is below gates.auc_minimum {minimum:.4f}: train again or lower it"
    return Verdict("auc", "fail", figures, reason)
