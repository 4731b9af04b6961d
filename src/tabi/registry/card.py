"""The model card: what a reader must know before using the model, on one screen."""

from __future__ import annotations

from collections.abc import Sequence

from tabi.compile import Parity
from tabi.gates import Verdict
from tabi.training.runs import Run


def model_card(run: Run, parity: Parity, verdicts: Sequence[Verdict]) -> str:
    """`MODEL_CARD.md` in Markdown."""
    contract, config = run.contract, run.config
    target = contract.target
    columns = [f"| {c.name} | {'numeric' if c in contract.numeric else 'categorical'} |" for c in contract.columns]
    metrics = [f"| {name} | {value:.4f} |" for name, value in sorted(run.metrics.items())]
    gates = [f"| {v.gate} | {v.verdict} | {v.reason} |" for v in verdicts]
    return "\n".join(
        [
            f"# {run.project}",
            "",
            f"Gives the probability that `{target.name}` is `{target.positive}` and not `{target.classes[0]}`.",
            "",
            "| | |",
            "|---|---|",
            f"| source | {config.source} |",
            f"| snapshot | {run.snapshot_digest} |",
            f"| run | {run.run_id} |",
            f"| preset | {config.preset} |",
            f"| decision threshold | {run.threshold:.6f}, chosen for {config.threshold.criterion.value} |",
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
