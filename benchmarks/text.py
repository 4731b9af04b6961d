"""What a row costs in the graphs of released models and in their pipelines: `python -m benchmarks.text REF…`.

One row at a time, taken in turn from the rows of the model's snapshot, on one thread. All models take turns within one
run, and the figure is the median of the rounds. For a teacher and its student side by side, name both.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from threadpoolctl import threadpool_limits

from benchmarks.machine import machine
from tabi.bundle import Bundle
from tabi.bundle.session import Session
from tabi.contract import Tensors
from tabi.data import load_table, tensors_of
from tabi.store import Store
from tabi.training.runs import load_run
from tabi.workspace import Workspace

ROWS, FRAMES, ROUNDS = 300, 30, 7


@dataclass
class Model:
    """A released model: its answers one row at a time, and what was measured of them."""

    ref: str
    graph_bytes: int
    metrics: dict[str, float]
    graph: Callable[[], None]
    pipeline: Callable[[], None]
    graph_us: list[float] = field(default_factory=list)
    pipeline_us: list[float] = field(default_factory=list)

    def measure(self) -> None:
        """One round."""
        self.graph_us.append(_microseconds(self.graph, ROWS))
        self.pipeline_us.append(_microseconds(self.pipeline, FRAMES))

    def line(self) -> str:
        """A row of the table."""
        graph, pipeline = statistics.median(self.graph_us), statistics.median(self.pipeline_us)
        marks = [self.metrics[name] for name in ("auc", "acc", "log_loss")]
        figures = " | ".join(f"{mark:.4f}" for mark in marks)
        size = f"{self.graph_bytes:,}"
        return f"| {self.ref} | {figures} | {size} | {graph:.0f} | {pipeline:.0f} | {pipeline / graph:.0f} |"


def load(workspace: Workspace, ref: str) -> Model:
    """The model that a reference names, with rows to ask it."""
    bundle = Bundle.open(Store(workspace.store).resolve(ref))
    run = load_run(workspace, bundle.name, bundle.manifest.run)
    table = load_table(workspace, run.config, digest=run.snapshot_digest)
    rows, content = tensors_of(table.X, run.contract), bundle.graph_bytes()
    session = Session(content)
    parts = [Tensors(rows.numeric[i : i + 1], rows.categorical[i : i + 1]) for i in range(ROWS)]
    frames = [table.X.iloc[i : i + 1] for i in range(FRAMES)]
    return Model(
        f"{bundle.name}:{bundle.id[:8]}",
        len(content),
        run.metrics,
        lambda: _each(session.predict, parts),
        lambda: _each(run.pipeline.predict_proba, frames),
    )


def _each(answer: Callable[[Any], object], rows: list[Any]) -> None:
    for row in rows:
        answer(row)


def _microseconds(work: Callable[[], None], count: int) -> float:
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) / count * 1e6


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("refs", nargs="+", metavar="REF")
    models = [load(Workspace.find(), ref) for ref in parser.parse_args().refs]
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")
        for _ in range(ROUNDS):
            for model in models:
                model.measure()
    print(machine(("scikit-learn", "onnxruntime")))
    print("| model | AUC | ACC | log loss | graph, bytes | graph, µs a row | pipeline, µs a row | ratio |")
    print("|---|---|---|---|---|---|---|---|")
    for model in models:
        print(model.line())


if __name__ == "__main__":
    main()
