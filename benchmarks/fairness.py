"""What the fairness gate finds on a released project, as a page: run `tabi release adult` first.

python -m benchmarks.fairness [NAME]    writes docs/evidence/fairness.md from the latest bundle of NAME
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tabi import evidence
from tabi.bundle import Bundle
from tabi.store import Store
from tabi.workspace import Workspace

PAGE = Path(__file__).resolve().parents[1] / "docs" / "evidence" / "fairness.md"
RATES = {"selection_rate": "selection rate", "tpr": "TPR", "fpr": "FPR", "auc": "ROC AUC"}
MEASURES = {"demographic_parity": "demographic parity", "equalized_odds": "equalized odds", "auc": "ROC AUC"}


def page(workspace: Workspace, ref: str) -> str:
    """The page in Markdown."""
    bundle = Bundle.open(Store(workspace.models).resolve(ref))
    name = bundle.name
    report: dict[str, Any] = json.loads(bundle.document("reports/fairness.json"))
    lines = [
        "# Fairness: what the gate finds",
        "",
        f"Written by `python -m benchmarks.fairness {name}` from `reports/fairness.json` of the bundle",
        f"`{bundle.id[:12]}`, made by `tabi train {name} --mode fast` and `tabi release {name}`:",
        f"{report['rows']:,} test rows, of which those are selected whose probability is",
        f"{report['threshold']:.4f} or more. Intervals are of 95 %. The verdict of the gate: **{report['level']}**.",
        *_columns(report),
        *_seconds(workspace, bundle),
    ]
    return "\n".join([*lines, ""])


def _columns(report: dict[str, Any]) -> Iterator[str]:
    for column in report["columns"]:
        for outcome in column["outcomes"]:
            yield from ("", f"## By {column['column']}: who is said to be {outcome['outcome']}", "")
            yield f"| group | rows | {' | '.join(RATES.values())} |"
            yield "|---|" + "---:|" * (len(RATES) + 1)
            for group in outcome["groups"]:
                small = " (small, not judged)" if group["small"] else ""
                cells = " | ".join(_interval(group[rate]) for rate in RATES)
                yield f"| {group['group']}{small} | {group['rows']:,} | {cells} |"
            yield ""
            for measure, words in MEASURES.items():
                yield f"- largest difference, {words}: {_interval(outcome['differences'][measure])}"


def _seconds(workspace: Workspace, bundle: Bundle) -> Iterator[str]:
    """What the gates took in the last release of the bundle's run."""
    record = [e for e in evidence.read(workspace.evidence, "release") if e.inputs["run"] == bundle.manifest.run][-1]
    seconds: dict[str, float] = record.figures["seconds"]
    yield from ("", "## What the gates cost", "")
    yield f"Seconds of the last release of this run, {sum(seconds.values()):.1f} together:"
    yield ", ".join(f"`{gate}` {taken:.2f}" for gate, taken in seconds.items()) + "."


def _interval(each: dict[str, float | None]) -> str:
    if each["value"] is None:
        return "–"
    if each["low"] is None or each["high"] is None:
        return f"{each['value']:.3f}"
    return f"{each['value']:.3f} [{each['low']:.3f}, {each['high']:.3f}]"


def main() -> None:
    """Write the page."""
    text = page(Workspace.find(), sys.argv[1] if len(sys.argv) > 1 else "adult")
    PAGE.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
