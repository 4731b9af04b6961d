"""A table larger than memory becomes a snapshot: `python -m benchmarks.data [ROWS]`. Writes docs/evidence/data.md.

A folder of Parquet is fetched by a process of its own, whose peak of resident memory the kernel tells: the snapshot,
its digest, the contract with its reference distribution, the checks and the findings. The same is done with a tenth of
the rows, also from CSV, which shows what of the memory grows with them.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from benchmarks.machine import machine

ROWS, FILE_ROWS = 10_000_000, 500_000
LIMIT_MIB = 2048
REPOSITORY = Path(__file__).resolve().parents[1]

FETCH = """
import json, re, sys, time
from pathlib import Path
from tabi.data import fetch
from tabi.project import ProjectConfig
from tabi.workspace import Workspace
workspace = Workspace.find(Path.cwd(), {})
import pandera.pandas, pyarrow.parquet
def peak():
    # what getrusage tells is never below the peak of the process that started this one
    return int(re.search(r"VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024
floor = peak()
start = time.perf_counter()
fetched = fetch(workspace, ProjectConfig(name="p", source=sys.argv[1], target="left"))
print(json.dumps({
    "rows": fetched.snapshot.rows, "digest": fetched.snapshot.digest, "seconds": time.perf_counter() - start,
    "floor_mib": floor, "peak_mib": peak(),
    "file_mib": fetched.snapshot.path.stat().st_size / 2**20,
}))
"""


class Result(NamedTuple):
    """One fetch. `floor_mib`: the process before it, its libraries loaded."""

    rows: int
    digest: str
    seconds: float
    floor_mib: float
    peak_mib: float
    file_mib: float


def rows_of(start: int, count: int) -> pd.DataFrame:
    """Rows of 14 columns: numbers of several shapes, categories, missing values, and a target that depends on them."""
    draw = np.random.default_rng(start)
    numbers = {f"n{i}": draw.normal(size=count) * 10.0**i for i in range(5)}
    whole = {f"w{i}": draw.integers(0, 10 ** (i + 1), count) for i in range(3)}
    texts = {f"c{i}": np.char.add("group ", draw.integers(0, 10**i, count).astype(str)) for i in range(1, 5)}
    frame = pd.DataFrame({**numbers, **whole, **texts, "flag": draw.random(count) < 0.5})
    frame.loc[draw.random(count) < 0.05, ["n1", "c2"]] = np.nan
    return frame.assign(left=np.where(frame["n0"] + draw.normal(size=count) > 1, "yes", "no"))


def write(folder: Path, kind: str, rows: int) -> None:
    """The rows as files below `folder`."""
    folder.mkdir()
    for start in range(0, rows, FILE_ROWS):
        frame = rows_of(start, min(FILE_ROWS, rows - start))
        if kind == "csv":
            frame.to_csv(folder / f"{start:010}.csv", index=False)
        else:
            frame.to_parquet(folder / f"{start:010}.parquet", index=False)


def fetched(folder: Path, kind: str) -> Result:
    """Fetch the files of a kind in a process of its own."""
    command = [sys.executable, "-c", FETCH, f"{kind}:{kind}"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return Result(**json.loads(done.stdout))


def measured(kind: str, rows: int) -> Result:
    """A fetch of a folder of such files."""
    with tempfile.TemporaryDirectory() as name:
        write(Path(name) / kind, kind, rows)
        return fetched(Path(name), kind)


def report(csv: Result, small: Result, large: Result) -> str:
    """The Markdown page."""
    lines = [
        "# Tables larger than memory",
        "",
        f"Written by `python -m benchmarks.data` on {datetime.now(UTC):%Y-%m-%d}.",
        machine(["pandas", "pyarrow", "pandera"]),
        "",
        "One `fetch` in a process of its own: snapshot, digest, contract, reference distribution, checks and findings",
        "of 14 columns. Peak: the largest resident memory of that process, its libraries included.",
        "",
        "| source | rows | seconds | libraries, MiB | peak, MiB | snapshot, MiB |",
        "|---|---|---|---|---|---|",
    ]
    for kind, result in (("CSV", csv), ("Parquet", small), ("Parquet", large)):
        lines.append(
            f"| folder of {kind} | {result.rows:,} | {result.seconds:.0f} | {result.floor_mib:.0f} "
            f"| {result.peak_mib:.0f} | {result.file_mib:.0f} |"
        )
    grown = (large.peak_mib - small.peak_mib) * 2**20 / (large.rows - small.rows)
    return "\n".join([
        *lines,
        "",
        f"{large.rows:,} rows under {LIMIT_MIB} MiB: {'yes' if large.peak_mib < LIMIT_MIB else 'no'}.",
        f"From the small folder of Parquet to the large the peak grew by {grown:.0f} bytes a row: the hashes by which",
        "rows that repeat are counted, and up to a million numbers of a column, which are sorted at once.",
        "",
    ])  # fmt: skip


def main() -> None:
    """Measure and write."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    csv, small, large = measured("csv", rows // 10), measured("parquet", rows // 10), measured("parquet", rows)
    text = report(csv, small, large)
    print(text)
    assert csv.digest == small.digest
    assert large.peak_mib < LIMIT_MIB
    if rows == ROWS:
        (REPOSITORY / "docs" / "evidence" / "data.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
