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
    """A Markdown table of all results, in the order in which they came; with columns for numbers where there are some.

    A figure that a task does not have is left empty.
    """
    results = [r.figures for r in evidence.read(workspace.evidence, "training") if r.verdict == "pass"]
    shown = ["auc", "acc", *(["r2", "rmse"] if any("r2" in figures for figures in results) else [])]
    header = ["dataset", "mode", *map(str.upper, shown), "best", "elapsed [s]"]
    lines = [_row(header), _row(["---", "---", *["---:"] * len(shown), "---", "---:"])]
    for f in results:
        numbers = [f"{f[name]:.4f}" if name in f else "" for name in shown]
        best = str(f["best"]).replace("|", "\\|")
        lines.append(_row([f["ds"], f["mode"], *numbers, f"`{best}`", str(f["elapsed_sec"])]))
    return "\n".join(lines) + "\n"


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
