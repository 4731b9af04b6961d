"""How soon drift is seen, and how often it is seen where there is none.

`python -m benchmarks.drift` writes docs/evidence/drift.md. It needs a released `adult` in the workspace.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.machine import machine
from tabi.bundle import Bundle
from tabi.bundle.reference import reference_of
from tabi.contract import Contract
from tabi.contract.bins import Bins, Floats, all_bins, score_bins
from tabi.data import load_table, tensors_of
from tabi.monitoring.counting import count_rows
from tabi.monitoring.judged import SCORE, ColumnDrift, Rules, judge
from tabi.monitoring.multivariate import columns_of
from tabi.monitoring.watched import Batch
from tabi.project import load_config
from tabi.serving.model import Model
from tabi.store import Store
from tabi.training.plan import cut_table
from tabi.workspace import Workspace

EVIDENCE = Path(__file__).resolve().parents[1] / "docs" / "evidence" / "drift.md"
WINDOWS = 200
SIZES = (100, 200, 500, 1000, 2000)
WINDOW = 500
SHIFTS = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
SHARES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.5)
REPEATS = 20
# a drift that no window of so many showed was not seen
MOST_WINDOWS = 40
NUMBER, CATEGORY, OTHER = "age", "workclass", "Self-emp-inc"
RULES = Rules()


class Replay(NamedTuple):
    """The test set as a server saw it, and the bins that its rows are counted into."""

    rows: Batch
    bins: Mapping[str, Bins]
    contract: Contract


Shift = Callable[[Batch], Batch]


def main() -> None:
    """Replay, print, keep."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drift", description="How soon drift is seen.")
    parser.add_argument("--name", default="adult")
    given = parser.parse_args()
    replay = opened(given.name)
    text = page(replay)
    print(text)
    EVIDENCE.write_text(text, encoding="utf-8")


def opened(name: str) -> Replay:
    """The rows of the test set that the bundle was released with, and the scores that its graph gives them."""
    workspace = Workspace.find()
    bundle = Bundle.open(Store(workspace.models).resolve(name))
    model, config = Model(bundle), load_config(workspace, name)
    table = load_table(workspace, config, bundle.manifest.snapshot)
    tensors = tensors_of(table.X.iloc[cut_table(table, config.split).test], model.contract)
    scores = model.answers.scores(model.run(tensors)[1])
    count = len(scores)
    rows = Batch(np.zeros(count), columns_of(tensors, model.contract), [None] * count, scores)
    reference = reference_of(bundle, model.contract)
    bins = {**all_bins(model.contract), SCORE: score_bins(model.contract.target, reference.scores)}
    return Replay(rows, bins, model.contract)


def window_of(replay: Replay, size: int, random: np.random.Generator, shift: Shift | None = None) -> list[ColumnDrift]:
    """What is judged of rows that are drawn from the test set, shifted or as they are."""
    taken = replay.rows.taken(random.integers(0, len(replay.rows.times), size))
    return judge(count_rows(shift(taken) if shift else taken, replay.bins), replay.bins, RULES)


def alarms(columns: Sequence[ColumnDrift]) -> set[str]:
    """The columns that raise one."""
    return {column.column for column in columns if column.status == "drift"}


def false_alarms(replay: Replay, size: int, rules_floor: float | None = None) -> int:
    """Of so many clean windows, those with an alarm; with another floor, those where a PSI passes it and its bound."""
    random = np.random.default_rng(size)
    found = 0
    for _ in range(WINDOWS):
        columns = window_of(replay, size, random)
        if rules_floor is None:
            found += bool(alarms(columns))
        else:
            found += any(column.psi > max(column.bound, rules_floor) for column in columns)
    return found


def delay(
    replay: Replay, column: str, shift: Shift, size: int = WINDOW, repeats: int = REPEATS, most: int = MOST_WINDOWS
) -> tuple[list[int], float]:
    """Windows until the column raised its alarm, of each repeat that saw it, and the median PSI of a window."""
    found, distances = [], []
    for repeat in range(repeats):
        random = np.random.default_rng((repeat, size))
        for number in range(1, most + 1):
            columns = window_of(replay, size, random, shift)
            distances.append(next(each.psi for each in columns if each.column == column))
            if column in alarms(columns):
                found.append(number)
                break
    return found, float(np.median(distances))


def moved(deviations: float, spread: float) -> Shift:
    """The numbers of a column moved by so many of its standard deviations."""

    def shift(batch: Batch) -> Batch:
        values: Floats = np.asarray(batch.columns[NUMBER]) + deviations * spread
        return batch._replace(columns={**batch.columns, NUMBER: values})

    return shift


def replaced(share: float, seed: int = 3) -> Shift:
    """A share of a column's rows become one of its categories."""
    random = np.random.default_rng(seed)

    def shift(batch: Batch) -> Batch:
        struck = random.random(len(batch.times)) < share
        values = [OTHER if hit else value for hit, value in zip(struck, batch.columns[CATEGORY], strict=True)]
        return batch._replace(columns={**batch.columns, CATEGORY: values})

    return shift


def page(replay: Replay) -> str:
    """The figures."""
    spread = float(np.nanstd(np.asarray(replay.rows.columns[NUMBER])))
    clean = [(size, false_alarms(replay, size), false_alarms(replay, size, 0.0)) for size in SIZES]
    numbers = [(f"{deviations:g} σ", *delay(replay, NUMBER, moved(deviations, spread))) for deviations in SHIFTS]
    categories = [(f"{share:.0%}", *delay(replay, CATEGORY, replaced(share))) for share in SHARES]
    return "\n".join(
        [
            "# Drift: how soon it is seen, and how often where there is none",
            "",
            f"Written by `python -m benchmarks.drift` on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC.",
            machine(("numpy", "scipy", "onnxruntime")),
            "",
            f"The test set of adult ({len(replay.rows.times):,} rows) is replayed in windows, drawn with replacement,",
            f"against the bundle's own reference: {len(replay.bins)} columns with the score, alarms at",
            f"alpha {RULES.alpha:g} a window over all of them, floor of PSI {RULES.floor:g}, no window below",
            f"{RULES.least_rows} rows.",
            "",
            "## False alarms",
            "",
            f"{WINDOWS} windows of each size, without any change. The bound alone is what chance allows at the size;",
            "the floor keeps large windows quiet over differences that are sure and do not matter. That column is no",
            "alarm: the test set is not the snapshot, and large windows see it.",
            "",
            "| rows a window | windows with an alarm | share | with the bound alone |",
            "| ---: | ---: | ---: | ---: |",
            *(f"| {size} | {found} | {found / WINDOWS:.1%} | {alone} |" for size, found, alone in clean),
            "",
            f"In all {sum(found for _, found, _ in clean)} of {WINDOWS * len(clean)} (aim: at most 1 %).",
            "",
            "## Delay",
            "",
            f"Windows of {WINDOW} rows, {REPEATS} repeats of at most {MOST_WINDOWS} windows. The delay is counted in",
            "whole windows from the begin of the shift.",
            "",
            f"### {NUMBER}, moved by standard deviations ({spread:.1f} years)",
            "",
            *_delays(numbers),
            "",
            f"### {CATEGORY}, a share of rows become {OTHER}",
            "",
            *_delays(categories),
            "",
        ]
    )


def _delays(found: Sequence[tuple[str, list[int], float]]) -> list[str]:
    lines = ["| shift | PSI of a window | seen | median delay, windows | rows | longest |", "| ---: | " + "---: | " * 5]
    for name, windows, distance in found:
        median = f"{np.median(windows):g}" if windows else "–"
        rows = f"{np.median(windows) * WINDOW:,.0f}" if windows else "–"
        longest = f"{max(windows)}" if windows else "–"
        lines.append(f"| {name} | {distance:.3f} | {len(windows)} of {REPEATS} | {median} | {rows} | {longest} |")
    return [line.rstrip() for line in lines]


if __name__ == "__main__":
    main()
