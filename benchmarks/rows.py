"""One row, from JSON body to JSON body in process, beside the fitted pipeline: `python -m benchmarks.rows`.

Writes docs/evidence/rows.md. It needs a released `adult` in the workspace, and takes about a minute. Each call is of
another row of the snapshot. The pipeline is the one of the bundle; it gets a DataFrame of one row that is ready in
memory, and the faster of its times with one thread and with all of them is taken.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.machine import machine
from benchmarks.portfolio import row_of
from tabi.bench.rows import predict_bodies
from tabi.bundle import Bundle
from tabi.data import canonical_frame
from tabi.data.snapshot import latest_snapshot, read_snapshot
from tabi.serving.codec import Codec, encode
from tabi.serving.model import Model
from tabi.serving.places import path_in_features
from tabi.store import Store
from tabi.training.saved import load_pipeline
from tabi.workspace import Workspace

ROUNDS = 7
ROWS, FRAMES = 4_000, 60
REPOSITORY = Path(__file__).resolve().parents[1]
# as long as the server's own
REQUEST_ID = "0" * 32
OURS, ONE_THREAD, ALL_THREADS = "body to body", "pipeline, 1 thread", "pipeline, all threads"


def seconds_a_call(run: Callable[[Any], object], arguments: Sequence[Any]) -> float:
    """Mean seconds of a call over the arguments."""
    begun = time.perf_counter()
    for argument in arguments:
        run(argument)
    return (time.perf_counter() - begun) / len(arguments)


def answering(model: Model) -> Callable[[bytes], bytes]:
    """What the server does with a body, but for its socket, metrics and log."""
    read, reply = Codec().read_predict, model.answers.reply

    def answer(body: bytes) -> bytes:
        found = model.decide([read(body)], path_in_features)
        return encode(reply(found.predictions[0], REQUEST_ID, found.warnings))

    return answer


def measured(workspace: Workspace) -> dict[str, list[float]]:
    """Seconds a call of each, round by round, all in turns; the first round, which warms, is not kept."""
    folder = Store(workspace.store).resolve("adult")
    model, pipeline = Model.open(folder), load_pipeline(folder / "pipeline.skops")
    latest = latest_snapshot(workspace, "adult")
    assert latest is not None, "run `tabi data fetch adult` first"
    _, rows = read_snapshot(workspace, "adult", latest.digest)
    frame = canonical_frame(rows.iloc[: ROWS * 2 : 2], Bundle.open(folder).contract())
    answer = answering(model)
    bodies = predict_bodies([row_of(record) for record in frame.to_dict("records")])
    frames = [frame.iloc[[number]] for number in range(ROWS)]
    said = [msgspec.json.decode(answer(body))["probability"] for body in bodies[:FRAMES]]
    assert np.allclose(said, pipeline.predict_proba(frame.iloc[:FRAMES])[:, 1], rtol=0, atol=1e-12)
    found: dict[str, list[float]] = {OURS: [], ONE_THREAD: [], ALL_THREADS: []}
    for number in range(ROUNDS + 1):
        some = frames[number * FRAMES : (number + 1) * FRAMES]
        found[OURS].append(seconds_a_call(answer, bodies))
        with threadpool_limits(1):
            found[ONE_THREAD].append(seconds_a_call(pipeline.predict_proba, some))
        found[ALL_THREADS].append(seconds_a_call(pipeline.predict_proba, some))
    return {name: seconds[1:] for name, seconds in found.items()}


def report(found: dict[str, list[float]]) -> list[str]:
    """The figures as Markdown."""
    medians = {name: float(np.median(seconds)) * 1e6 for name, seconds in found.items()}
    peer = min(medians[ONE_THREAD], medians[ALL_THREADS])
    lines = [
        "| one row of adult, each call another | µs, median | µs, fastest and slowest round |",
        "| --- | ---: | ---: |",
    ]
    shown = {
        OURS: "JSON body to JSON body, in process",
        ONE_THREAD: "`predict_proba` on a DataFrame row, one thread",
        ALL_THREADS: f"the same, all threads ({os.cpu_count()} cores)",
    }
    for name, text in shown.items():
        rounds = f"{min(found[name]) * 1e6:,.1f} – {max(found[name]) * 1e6:,.1f}"
        lines.append(f"| {text} | {medians[name]:,.1f} | {rounds} |")
    return [*lines, "", f"Ratio of the medians, the faster pipeline / ours: **{peer / medians[OURS]:,.0f}**"]


def main() -> None:
    """Measure, print, keep."""
    found = measured(Workspace.find())
    day = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    how = f"Written by `python -m benchmarks.rows` on {day}; {ROUNDS} rounds in which all take turns."
    head = ["# One row: figures", "", how, machine(("onnxruntime", "msgspec", "scikit-learn", "pandas"))]
    text = "\n".join([*head, "", *report(found)]) + "\n"
    print(text)
    (REPOSITORY / "docs" / "evidence" / "rows.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
