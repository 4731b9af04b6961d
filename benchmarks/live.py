"""What `tabi monitor` takes over a million lines of the log, and what a line and a piece of feedback cost a server.

`python -m benchmarks.live` writes docs/evidence/live.md. It needs a released `adult` in the workspace.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from timeit import repeat

import numpy as np
from msgspec import structs

from benchmarks.machine import machine
from tabi.bundle import Bundle
from tabi.contract import Contract
from tabi.predictions import FeedbackLine, FeedbackLog, PredictionLine, PredictionLog, encode_lines
from tabi.predictions.privacy import Privacy, mask_of
from tabi.predictions.upkeep import compress
from tabi.store import Store
from tabi.workspace import Workspace

EVIDENCE = Path(__file__).resolve().parents[1] / "docs" / "evidence" / "live.md"
CHUNK = 10_000
MB = 1e6
# in a process of its own, so that its memory is that of the question alone
ASK = """
import resource, sys, time
from datetime import timedelta
from pathlib import Path
from tabi.monitoring.question import Asked
from tabi.monitoring.report import monitor
from tabi.monitoring.section import Section
from tabi.monitoring import business, performance, traffic
from tabi.workspace import Workspace
import os
own = {"TABI_PREDICTIONS": sys.argv[1], "TABI_EVIDENCE": sys.argv[1] + "/evidence"}
workspace = Workspace.find(Path(sys.argv[1]), {**os.environ, **own})
looks = {"traffic": traffic.look, "performance": performance.look, "business": business.look}
sections = [Section(key, look) for key, look in looks.items()]
begin = time.perf_counter()
report = monitor(workspace, Asked(sys.argv[2], timedelta(days=30)), sections)
took = time.perf_counter() - begin
(group,) = report.sections["performance"].figures["groups"]
used = resource.getrusage(resource.RUSAGE_SELF)
print(took, used.ru_utime + used.ru_stime, used.ru_maxrss, group["rows"], group["labelled"])
"""


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.live", description="What live figures take.")
    parser.add_argument("--ref", default="adult")
    parser.add_argument("--lines", type=int, default=1_000_000)
    given = parser.parse_args()
    began = os.getloadavg()[0]
    bundle = Bundle.open(Store(Workspace.find().models).resolve(given.ref))
    rows: list[tuple[str, str]] = []
    with tempfile.TemporaryDirectory(prefix="tabi-bench-") as folder:
        fill(Path(folder), bundle, given.lines)
        plain = sum(path.stat().st_size for path in Path(folder).glob("*.jsonl"))
        rows += asked(Path(folder), bundle.name, "plain segments")
        begin = time.perf_counter()
        compress(Path(folder))
        took = time.perf_counter() - begin
        packed = sum(path.stat().st_size for path in Path(folder).glob("*.gz"))
        rows.append(("compression of all segments", f"{took:.1f} s, {plain / MB:,.0f} MB to {packed / MB:,.0f} MB"))
        rows += asked(Path(folder), bundle.name, "compressed segments")
    with tempfile.TemporaryDirectory(prefix="tabi-bench-") as folder:
        calls = [*lines(bundle.contract()), *feedback(Path(folder))]
    text = page(rows, calls, given.lines, began)
    print(text)
    EVIDENCE.write_text(text, encoding="utf-8")


def fill(folder: Path, bundle: Bundle, count: int) -> None:
    """Lines of a week as a server of the bundle writes them, and feedback on a fifth of them."""
    random = np.random.default_rng(1)
    log, told = PredictionLog(folder, 0), FeedbackLog(folder)
    negative, positive = bundle.contract().target.classes
    now, inputs = time.time(), a_row(bundle.contract())
    for first in range(0, count, CHUNK):
        chance = random.random((CHUNK, 2)).tolist()
        found = []
        for place, (p, _) in enumerate(chance, first):
            at, label = now - 604_800 * (1 - place / count), positive if p >= 0.5 else negative
            line = PredictionLine(f"{place:032x}", 0, at, bundle.name, bundle.id, inputs, label, p, [], 0.4)
            found.append(structs.replace(line, unit=f"u{place % 100_000}"))
        log.append(encode_lines(found), CHUNK)
        labels = [
            FeedbackLine(line.id, now, bundle.name, now, line.id, label=positive if drawn < p else negative, value=p)
            for line, (p, drawn) in zip(found[::5], chance[::5], strict=True)
        ]
        told.append(labels)
    log.close()


def a_row(contract: Contract) -> list[float | str | None]:
    """Values as a log has them."""
    numeric = {column.name for column in contract.numeric}
    return [37.0 if column.name in numeric else "Some-category" for column in contract.columns]


def asked(folder: Path, name: str, what: str) -> list[tuple[str, str]]:
    """Seconds and memory of one question in a process of its own."""
    done = subprocess.run([sys.executable, "-c", ASK, str(folder), name], check=True, capture_output=True, text=True)
    took, cpu, memory, rows, labelled = done.stdout.split()[-5:]
    told = f"{float(took):.1f} s, {float(cpu):.1f} s of processor, {int(memory) / 1024:,.0f} MB at most"
    told += f", {int(rows):,} rows, {int(labelled):,} labelled"
    return [(f"tabi monitor over {what}", told)]


def lines(contract: Contract) -> list[tuple[str, float]]:
    """Nanoseconds of a line of 16 in one write: without arm and unit, with them, and with every value hashed."""
    inputs = a_row(contract)
    mask = mask_of(contract, Privacy("hashed", b"k" * 32)).apply
    assert mask is not None

    def encoded(arm: str, unit: str) -> Callable[[], object]:
        return lambda: encode_lines(
            [PredictionLine("f" * 32, 0, 1.7e9, "adult", "f" * 64, inputs, "no", 0.12345, [], 1.5, arm, unit)] * 16
        )

    cases = {
        "a line": (encoded("", ""), 16),
        "a line with arm and unit": (encoded("canary", "user-12345"), 16),
        "masking of a row, hashed before": (lambda: mask(inputs), 1),
    }
    best = {name: min(repeat(call, number=2000, repeat=7)) / 2000 for name, (call, _) in cases.items()}
    return [(name, best[name] / units * 1e9) for name, (_, units) in cases.items()]


def feedback(folder: Path) -> list[tuple[str, float]]:
    """Nanoseconds of a piece of feedback, flushed alone and with others."""
    found = []
    for many in (1, 100):
        log, count = FeedbackLog(folder / str(many)), 0
        begin = time.perf_counter()
        while time.perf_counter() - begin < 2:
            log.append([FeedbackLine(str(count + place), 1.5, "m", 1.0, "r", label="yes") for place in range(many)])
            count += many
        found.append((f"feedback on the disk, {many} at once", (time.perf_counter() - begin) / count * 1e9))
    return found


def page(rows: list[tuple[str, str]], calls: list[tuple[str, float]], count: int, began: float) -> str:
    """The figures."""
    return "\n".join(
        [
            "# Live performance: figures",
            "",
            f"Written by `python -m benchmarks.live` on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC.",
            f"Load of the machine when it began: {began:.1f}.",
            machine(("duckdb", "msgspec", "numpy")),
            "",
            f"## {count:,} lines and {count // 5:,} pieces of feedback",
            "",
            "| | |",
            "| --- | --- |",
            *(f"| {name} | {told} |" for name, told in rows),
            f"| memory of what wrote this page | {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB |",
            "",
            "## Each call",
            "",
            "| call | ns |",
            "| --- | ---: |",
            *(f"| {name} | {nanoseconds:,.0f} |" for name, nanoseconds in calls),
            "",
        ]
    )


if __name__ == "__main__":
    main()
