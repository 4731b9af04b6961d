"""The model card: what a reader must know before using the model, on one screen."""

from __future__ import annotations

from collections.abc import Sequence

from tabi.compile import Parity
from tabi.contract import Column, NumericColumn, Target, TextColumn
from tabi.gates import Verdict
from tabi.training.runs import Run


def model_card(run: Run, parity: Parity, verdicts: Sequence[Verdict]) -> str:
    """`MODEL_CARD.md` in Markdown."""
    contract, config = run.contract, run.config
    target = contract.target
    chosen = f"chosen for {config.threshold.criterion.value}"
    decision = [] if run.threshold is None else [f"| decision threshold | {run.threshold:.6f}, {chosen} |"]
    columns = [f"| {c.name} | {_kind(c)} |" for c in contract.columns]
    metrics = [f"| {_metric(name, target)} | {value:.4f} |" for name, value in sorted(run.metrics.items())]
    gates = [f"| {v.gate} | {v.verdict} | {_cell(_why(v))} |" for v in verdicts]
    return "\n".join(
        [
            f"# {run.project}",
            "",
            _purpose(target),
            "",
            "| | |",
            "|---|---|",
            f"| source | {config.source} |",
            f"| snapshot | {run.snapshot_digest} |",
            f"| run | {run.run_id} |",
            f"| preset | {config.preset} |",
            *decision,
            f"| proof | {parity.rows} rows, largest difference {parity.max_abs_diff:.1e} |",
            "",
            "## Metrics on the test set",
            "",
            "| metric | value |",
            "|---|---|",
            *metrics,
            "",
            "## Gates",
            "",
            "| gate | verdict | reason |",
            "|---|---|---|",
            *gates,
            "",
            "## Columns",
            "",
            "| column | kind |",
            "|---|---|",
            *columns,
            "",
        ]
    )


def _why(verdict: Verdict) -> str:
    """The reason of a verdict, and of its override."""
    if verdict.override is None:
        return verdict.reason
    return f"{verdict.reason}; overridden by {verdict.override.by}: {verdict.override.reason}"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _purpose(target: Target) -> str:
    """What the model gives, in a sentence."""
    if target.task == "regression":
        return f"Gives the number `{target.name}`."
    if target.task == "multiclass":
        labels = ", ".join(f"`{label}`" for label in target.classes)
        return f"Gives the probability of each value of `{target.name}`: {labels}."
    return f"Gives the probability that `{target.name}` is `{target.positive}` and not `{target.classes[0]}`."


def _kind(column: Column) -> str:
    return (
        "numeric" if isinstance(column, NumericColumn) else "text" if isinstance(column, TextColumn) else "categorical"
    )


def _metric(name: str, target: Target) -> str:
    """A metric's name, with the label of the class that it is about."""
    number = name.removeprefix("recall_class_")
    return f"{name}, `{target.classes[int(number)]}`" if number != name else name
