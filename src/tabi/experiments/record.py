"""Evidence of what an experiment said: `experiment-split`, `experiment-result` and `experiment-metric`."""

from __future__ import annotations

from tabi.evidence import Record, Verdict, append
from tabi.experiments.history import Kept
from tabi.experiments.status import Reading
from tabi.workspace import Workspace


def record(workspace: Workspace, kept: Kept, reading: Reading) -> None:
    """Write what was computed; nothing of what could not be."""
    inputs = {"experiment": kept.ref, **{f"arm.{arm.name}": arm.bundle for arm in kept.plan.arms}}
    for kind, verdict, figures in _found(kept, reading):
        append(
            workspace.evidence, Record(kind=kind, subject=kept.name, verdict=verdict, inputs=inputs, figures=figures)
        )


def _found(kept: Kept, reading: Reading) -> list[tuple[str, Verdict, dict[str, object]]]:
    broken = reading.action == "broken"
    found: list[tuple[str, Verdict, dict[str, object]]] = []
    if reading.split_p is not None:
        uneven: Verdict = "fail" if broken or reading.changed else "pass"
        figures = {"units": reading.units, "p": reading.split_p, "changed": reading.changed}
        reason = f"{reading.changed} units changed sides" if reading.changed and not broken else ""
        found.append(("experiment-split", uneven, {**figures, "reason": reading.line if broken else reason}))
    read = [effect for effect in reading.effects if effect is not None]
    if read:
        effects = [
            {
                "arm": effect.arm,
                "difference": effect.difference,
                "interval": effect.always,
                "level": 1 - effect.alpha,
                "p": effect.p,
                "adjusted_p": effect.adjusted_p,
            }
            for effect in read
        ]
        test = "asymptotic confidence sequence, Holm"
        found.append(
            (
                "experiment-result",
                "pass",
                {"metric": reading.metric, "test": test, "effects": effects, "line": reading.line},
            )
        )
    if read and kept.plan.primary.needs_feedback and reading.feedback:
        values = {read[0].metric: {reading.control: read[0].control, **{each.arm: each.treatment for each in read}}}
        found.append(("experiment-metric", "pass", {"values": values, "feedback": reading.feedback}))
    return found
