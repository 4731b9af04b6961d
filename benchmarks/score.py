"""`tabi score` beside the fitted pipeline's own `predict_proba`, in one run: `python -m benchmarks.score`.

Writes docs/evidence/score.md. It needs a released `adult` in the workspace. The rows are those of its snapshot, again
and again. The pipeline is the one of the bundle, on the canonical frame in memory, with all threads that it takes.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq

from benchmarks.machine import machine
from tabi.bundle import Bundle
from tabi.data import canonical_frame
from tabi.data.snapshot import latest_snapshot, read_snapshot
from tabi.score import Options, score_files
from tabi.score.run import available_cores
from tabi.store import Store
from tabi.training.saved import load_pipeline
from tabi.workspace import Workspace

ROUNDS = 5
ROWS, SOME, MANY = 100_000, 500_000, 1_500_000
REPOSITORY = Path(__file__).resolve().parents[1]
Runs = dict[str, Callable[[], object]]


def rows_of(workspace: Workspace, count: int) -> pd.DataFrame:
    """The snapshot's rows, repeated."""
    latest = latest_snapshot(workspace, "adult")
    assert latest is not None, "run `tabi data fetch adult` first"
    _, rows = read_snapshot(workspace, "adult", latest.digest)
    return pd.concat([rows] * (count // len(rows) + 1), ignore_index=True).iloc[:count]


def write_ndjson(table: pa.Table, path: Path) -> None:
    """A JSON object a line, missing values left out."""
    table.to_pandas().to_json(path, orient="records", lines=True)


def runs(workspace: Workspace, folder: Path) -> Runs:
    """What is measured, by name, each ready to be called again and again."""
    bundle = Store(workspace.store).resolve("adult")
    contract, pipeline = Bundle.open(bundle).contract(), load_pipeline(bundle / "pipeline.skops")
    raw = rows_of(workspace, ROWS)
    frame, table = canonical_frame(raw, contract), pa.Table.from_pandas(raw, preserve_index=False)
    pq.write_table(table, folder / "rows.parquet")
    for name, count in (("some", SOME), ("many", MANY)):
        more = pa.Table.from_pandas(rows_of(workspace, count), preserve_index=False)
        pq.write_table(more, folder / f"{name}.parquet")
    arrow_csv.write_csv(table, folder / "rows.csv")
    write_ndjson(table, folder / "rows.ndjson")

    def script() -> None:
        read = canonical_frame(pd.read_parquet(folder / "rows.parquet"), contract)
        scores = pd.DataFrame({"probability": pipeline.predict_proba(read)[:, 1]})
        scores.to_parquet(folder / "script.parquet")

    def score(name: str, jobs: int) -> Callable[[], object]:
        return lambda: score_files(bundle, folder / name, folder / "scores.parquet", Options(jobs=jobs))

    return {
        "predict_proba": lambda: pipeline.predict_proba(frame),
        "script": script,
        "parquet, 1 process": score("rows.parquet", 1),
        "parquet": score("rows.parquet", 0),
        "csv": score("rows.csv", 0),
        "ndjson": score("rows.ndjson", 0),
        "some": score("some.parquet", 0),
        "many": score("many.parquet", 0),
    }


def measured(what: Runs) -> dict[str, float]:
    """Median seconds of each, in rounds that take turns; the first round, which loads and warms, is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in what}
    for _ in range(ROUNDS + 1):
        for name, run in what.items():
            begun = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - begun)
    return {name: float(np.median(found[1:])) for name, found in seconds.items()}


def report(seconds: dict[str, float], cores: int) -> list[str]:
    """The figures as Markdown."""
    alone = ROWS / seconds["predict_proba"]
    further = (MANY - SOME) / (seconds["many"] - seconds["some"])
    lines = [
        f"| {ROWS:,} rows of adult | seconds | rows/s | against predict_proba |",
        "| --- | ---: | ---: | ---: |",
    ]
    shown = {
        "predict_proba": "the pipeline's `predict_proba`, frame in memory, no file",
        "script": "a script: read Parquet, canonical frame, `predict_proba`, write Parquet",
        "parquet, 1 process": "`tabi score`, Parquet, `--jobs 1`",
        "parquet": f"`tabi score`, Parquet, {cores} processes allowed",
        "csv": f"`tabi score`, CSV, {cores} processes allowed",
        "ndjson": f"`tabi score`, NDJSON, {cores} processes allowed",
    }
    for name, text in shown.items():
        rate = ROWS / seconds[name]
        lines.append(f"| {text} | {seconds[name]:.2f} | {rate:,.0f} | {rate / alone:.2f} |")
    rate = MANY / seconds["many"]
    lines.append(
        f"| `tabi score`, {MANY:,} rows of Parquet | {seconds['many']:.2f} | {rate:,.0f} | {rate / alone:.2f} |"
    )
    text = f"of these each row after the first {SOME:,}"
    lines.append(f"| {text} | | {further:,.0f} | **{further / alone:.2f}** |")
    return lines


def main() -> None:
    """Measure, print, keep."""
    workspace = Workspace.find()
    with tempfile.TemporaryDirectory() as folder:
        seconds = measured(runs(workspace, Path(folder)))
    day = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    how = f"Written by `python -m benchmarks.score` on {day}; medians of {ROUNDS} rounds in which all take turns."
    head = ["# tabi score: figures", "", how, machine(("onnxruntime", "pyarrow", "scikit-learn", "pandas"))]
    text = "\n".join([*head, "", *report(seconds, available_cores())]) + "\n"
    print(text)
    (REPOSITORY / "docs" / "evidence" / "score.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
