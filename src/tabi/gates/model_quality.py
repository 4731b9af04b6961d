"""The model must be as good as the project asks."""

from __future__ import annotations

from collections.abc import Mapping

from tabi.contract import Task
from tabi.gates.verdict import Verdict
from tabi.project import GatesConfig


def quality_gate(metrics: Mapping[str, float], task: Task, gates: GatesConfig) -> Verdict:
    """The gate of the task's score on the test set: ROC AUC of classes, R² of numbers."""
    if task == "regression":
        return r2_gate(metrics["r2"], gates.r2_minimum)
    return auc_gate(metrics["auc"], gates.auc_minimum)


def auc_gate(auc: float, minimum: float) -> Verdict:
    """Fail where the test set's ROC AUC is below the project's `gates.auc_minimum`."""
    figures = {"auc": auc, "minimum": minimum}
    if auc >= minimum:
        return Verdict("auc", "pass", figures, f"AUC {auc:.4f} on the test set, at least {minimum:.4f} asked")
    reason = f"AUC {auc:.4f} on the test set is below gates.auc_minimum {minimum:.4f}: train again or lower it"
    return Verdict("auc", "fail", figures, reason)


def r2_gate(r2: float, minimum: float) -> Verdict:
    """Fail where the test set's R² is below the project's `gates.r2_minimum`."""
    figures = {"r2": r2, "minimum": minimum}
    if r2 >= minimum:
        return Verdict("r2", "pass", figures, f"R² {r2:.4f} on the test set, at least {minimum:.4f} asked")
    reason = f"R² {r2:.4f} on the test set is below gates.r2_minimum {minimum:.4f}: train again or lower it"
    return Verdict("r2", "fail", figures, reason)
