"""How the last batch stands, and the results of all runs; both from evidence records, not from the text of a log."""

from __future__ import annotations

from typing import NamedTuple

from tabi import evidence
from tabi.training.processes import start_of
from tabi.workspace import Workspace


class BatchState(NamedTuple):
    """Each name of the last batch with its state: OK, FAIL, RUNNING or PENDING.

    `exit_code`: 0 all OK, 1 some failed, 2 still running or never begun.
    """

    items: list[tuple[str, str]]
    exit_code: int


def batch_state(workspace: Workspace) -> BatchState:
    """The state of the last batch. What a process left undone when it died has failed."""
    begun = None
    states: dict[str, str] = {}
    for record in evidence.read(workspace.evidence):
        if record.kind == "batch" and record.verdict == "begun":
            begun = record
            states = dict.fromkeys(record.figures["names"], "PENDING")
        elif begun is not None and record.kind == "batch-item" and record.figures["batch"] == begun.subject:
            states[record.subject] = {"begun": "RUNNING", "pass": "OK"}.get(record.verdict, "FAIL")
    if begun is None:
        return BatchState([], 2)
    if start_of(begun.figures["pid"]) != begun.figures["started"]:
        states = {name: "OK" if state == "OK" else "FAIL" for name, state in states.items()}
    running = {"RUNNING", "PENDING"} & set(states.values())
    return BatchState(list(states.items()), 2 if running else int("FAIL" in states.values()))


def report_table(workspace: Workspace) -> str:
    """A Markdown table of all results, in the order in which they came."""
    lines = ["| dataset | mode | AUC | ACC | best | elapsed [s] |", "| --- | --- | ---: | ---: | --- | ---: |"]
    for record in evidence.read(workspace.evidence, "training"):
        if record.verdict == "pass":
            f = record.figures
            best = str(f["best"]).replace("|", "\\|")
            line = f"| {f['ds']} | {f['mode']} | {f['auc']:.4f} | {f['acc']:.4f} | `{best}` | {f['elapsed_sec']} |"
            lines.append(line)
    return "\n".join(lines) + "\n"
