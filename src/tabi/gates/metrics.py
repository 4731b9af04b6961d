"""The model must be as good on the test set as the project asks, metric by metric."""

from __future__ import annotations

from collections.abc import Mapping

from tabi.contract import Task
from tabi.gates.candidate import Candidate
from tabi.gates.verdict import Verdict
from tabi.project import GatesConfig


def metrics_gate(candidate: Candidate) -> Verdict:
    """Fail where a metric of the test set misses its bound, or is none."""
    return judged(candidate.run.metrics, candidate.contract.target.task, candidate.gates)


def judged(metrics: Mapping[str, float], task: Task, gates: GatesConfig) -> Verdict:
    """The verdict on the metrics of a run."""
    figures: dict[str, float] = {}
    missed, kept = [], []
    for name, key, bound, sign in bounds_of(task, gates):
        value = metrics.get(name)
        if value is None:
            missed.append(f"{key}: there is no metric {name!r}, there are {', '.join(metrics)}")
            continue
        figures |= {name: value, f"{name}_{'minimum' if sign > 0 else 'maximum'}": bound}
        shown = f"{name} {value:.4f}"
        # what is no number reaches nothing
        if sign * value >= sign * bound:
            kept.append(f"{shown}, {'at least' if sign > 0 else 'at most'} {bound:.4f} asked")
        else:
            missed.append(f"{shown} on the test set is {'below' if sign > 0 else 'above'} {key} {bound:.4f}")
    if missed:
        return Verdict("metrics", "fail", figures, f"{'; '.join(missed)}: train again or change the bound")
    return Verdict("metrics", "pass", figures, f"on the test set: {'; '.join(kept)}")


def bounds_of(task: Task, gates: GatesConfig) -> list[tuple[str, str, float, int]]:
    """Metrics with the key that bounds each, the bound, and 1 where more is better, -1 where less is."""
    found = [("r2", "gates.r2_minimum", gates.r2_minimum, 1)]
    if task != "regression":
        found = [("auc", "gates.auc_minimum", gates.auc_minimum, 1)]
    found += [(name, f"gates.minimum.{name}", bound, 1) for name, bound in gates.minimum.items()]
    return found + [(name, f"gates.maximum.{name}", bound, -1) for name, bound in gates.maximum.items()]
