"""What watching costs: of each hook in nanoseconds, and of all counters as a share of a whole server's time.

`python -m benchmarks.telemetry` writes docs/evidence/telemetry.md. It needs a released model in the workspace.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain
from math import inf
from pathlib import Path
from statistics import median
from timeit import repeat

import numpy as np

from benchmarks.machine import machine
from tabi.bench.compare import Contender, Round, Settings, Work, compare
from tabi.bench.process import Command
from tabi.bench.rows import draw_rows, predict_bodies
from tabi.bundle import Bundle
from tabi.contract import CategoricalColumn, CategoricalReference, Contract, NumericColumn, NumericReference, Tensors
from tabi.contract import Target as Goal
from tabi.contract.rarity import Rarity
from tabi.predictions import PredictionLine, PredictionLog, encode_lines
from tabi.serving.telemetry.bins import FLUSH_ROWS, BinCounter
from tabi.serving.telemetry.cells import Cells
from tabi.serving.telemetry.exposition import expose
from tabi.serving.telemetry.hooks import ModelMetrics, RequestMetrics
from tabi.serving.telemetry.steps import mark
from tabi.serving.telemetry.trace import Tracer
from tabi.store import Store
from tabi.workspace import Workspace

EVIDENCE = Path(__file__).resolve().parents[1] / "docs" / "evidence" / "telemetry.md"
WITH, WITHOUT = "with", "without"
# a server that counts nothing at all and asks of no row how rare it is: there is no option for that
NOT_COUNTING = """
from tabi.serving.telemetry.bins import BinCounter
from tabi.serving.telemetry.hooks import ModelMetrics, RequestMetrics
def nothing(*_, **__): pass
BinCounter.add = ModelMetrics.predicted = ModelMetrics.warned = nothing
RequestMetrics.begin = RequestMetrics.end = RequestMetrics.observe = nothing
from tabi.contract.rarity import Rarity
Rarity.is_rare = lambda self, numbers, texts: False
from tabi.cli.main import main
main()
"""
# as many columns as adult has
NUMERIC, CATEGORICAL, CATEGORIES = 6, 8, 12
PARENT = f"00-{'ab' * 16}-{'cd' * 8}-00"

Case = tuple[str, Callable[[], object], int, int]


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.telemetry", description="What watching costs.")
    parser.add_argument("--ref", default="adult")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=3.0)
    given = parser.parse_args()
    began = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="tabi-bench-") as folder:
        calls = costs_of_calls(Path(folder))
        rounds = compare(contenders(given.ref, Path(folder)), Settings(given.rounds, given.seconds), print)
    text = page(given.ref, calls, rounds, given.seconds, began)
    print(text)
    EVIDENCE.write_text(text, encoding="utf-8")


def costs_of_calls(folder: Path) -> list[tuple[str, float]]:
    """Nanoseconds of each call, the best of five rounds."""
    # one after the other: each closes what it opened once its last call was measured
    cases = chain(hooks(folder), lines(folder), bins(folder), rarity(), traces())
    return [(name, min(repeat(call, number=n, repeat=5)) / n / units * 1e9) for name, call, n, units in cases]


def contenders(ref: str, scratch: Path) -> list[Contender]:
    """The server as it is, and one that counts nothing."""
    bundle = Bundle.open(Store(Workspace.find().store).resolve(ref))
    bodies = predict_bodies(draw_rows(bundle.contract(), 1000))
    found = []
    for name, start in ((WITH, ("-m", "tabi")), (WITHOUT, ("-c", NOT_COUNTING))):
        command = (sys.executable, *start, "serve", ref, "--port", "{port}")
        environment = {"TABI_PREDICTIONS": str(scratch / name)}
        found.append(Contender(Command(name, command, environment=environment), [Work("c32", "/predict", bodies, 32)]))
    return found


def page(
    ref: str, calls: Sequence[tuple[str, float]], rounds: dict[str, list[Round]], seconds: float, began: float
) -> str:
    """The figures."""
    rows = [(one.works["c32"], other.works["c32"]) for one, other in zip(rounds[WITH], rounds[WITHOUT], strict=True)]
    shares = [one.cpu_us / other.cpu_us - 1 for one, other in rows if one.cpu_us and other.cpu_us]
    one, other = least(rounds[WITH]), least(rounds[WITHOUT])
    assert all(measured.load.errors == 0 for pair in rows for measured in pair)
    return "\n".join(
        [
            "# What watching costs: figures",
            "",
            f"Written by `python -m benchmarks.telemetry` on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC.",
            f"Load of the machine when it began: {began:.1f}.",
            machine(("onnxruntime", "uvicorn", "uvloop", "numpy")),
            "",
            "## All counters, and the rarity of rows, in a whole server",
            "",
            f"One row of {ref} a request on 32 connections, server and load generator on a core each, with the",
            f"counters and without, in turns of {seconds:g} s. Processor time tells more here than requests a second,",
            "which other work on the machine changes.",
            "",
            "| round | CPU a request with, µs | without, µs | share |",
            "| --- | ---: | ---: | ---: |",
            *(
                f"| {number} | {one.cpu_us:.2f} | {other.cpu_us:.2f} | {share:+.1%} |"
                for number, ((one, other), share) in enumerate(zip(rows, shares, strict=True), 1)
            ),
            "",
            f"- the median of the rounds: {median(shares):.1%} of the processor time (aim: at most 3 %)",
            "- the least of the rounds, in which nothing else took the caches:",
            f"  {one:.2f} µs with and {other:.2f} µs without, {one / other - 1:.1%}",
            f"- the calls that count one request, together: {together(calls) / 1000:.2f} µs; of the least time",
            f"  of a request without them {together(calls) / 1000 / other:.1%}",
            "",
            "## Each call",
            "",
            "| call | ns |",
            "| --- | ---: |",
            *(f"| {name} | {nanoseconds:,.0f} |" for name, nanoseconds in calls),
            "",
        ]
    )


def together(calls: Sequence[tuple[str, float]]) -> float:
    """Nanoseconds that counting one request takes, of 32 in a turn; the loop around each call is not counted."""
    cost = dict(calls)
    loop = cost["nothing (the loop itself)"]
    once = ("request begins", "request ends", "request observed", "prediction counted")
    return sum(cost[name] - loop for name in once) + cost[f"row of {NUMERIC + CATEGORICAL} columns in bins, 32 at once"]


def least(rounds: Sequence[Round]) -> float:
    """The least processor time of a request in any round, in microseconds."""
    return min(found.works["c32"].cpu_us or inf for found in rounds)


def hooks(folder: Path) -> Iterator[Case]:
    """The counters of requests and predictions."""
    cells = Cells(folder / "hooks", 0)
    requests = RequestMetrics(cells, ["/predict"])
    model = ModelMetrics(cells, "adult", "f" * 64, ("no", "yes"))
    yield "nothing (the loop itself)", lambda: None, 200_000, 1
    yield "request begins", requests.begin, 200_000, 1
    yield "request ends", requests.end, 200_000, 1
    yield "request observed", lambda: requests.observe("/predict", 200, 3_200_000), 200_000, 1
    yield "request observed, sampled", lambda: requests.observe("/predict", 200, 3_200_000, 7), 50_000, 1
    yield "prediction counted", lambda: model.predicted("yes"), 200_000, 1
    yield "warning counted", lambda: model.warned("missing"), 200_000, 1
    yield "scrape of one worker", lambda: expose(folder / "hooks"), 20, 1


def lines(folder: Path) -> Iterator[Case]:
    """The prediction log, beside a write that does nothing else."""
    inputs = [39.0] * NUMERIC + ["Never-married"] * CATEGORICAL
    line = PredictionLine("a" * 32, 0, 1.7e9, "adult", "f" * 64, inputs, "yes", 0.123456789, [], 1.5)
    one, many = encode_lines([line]), encode_lines([line] * 32)
    log = PredictionLog(folder / "log", 0)
    bare = os.open(folder / "bare", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    yield "log line encoded", lambda: encode_lines([line]), 50_000, 1
    yield "log line encoded, of 32", lambda: encode_lines([line] * 32), 2_000, 32
    yield "log line appended", lambda: log.append(one, 1), 20_000, 1
    yield "log line appended, of 32", lambda: log.append(many, 32), 2_000, 32
    yield "bare write of a line", lambda: os.write(bare, one), 20_000, 1
    os.close(bare)
    log.close()


def bins(folder: Path) -> Iterator[Case]:
    """A row in the drift counters, by how many rows come at once."""
    contract = _contract()
    counter = BinCounter(contract, Cells(folder / "bins", 0), "adult", "f" * 64)
    for size in (1, 8, 32, FLUSH_ROWS):
        batches = [_rows(contract, size) for _ in range(FLUSH_ROWS // size)]
        scores = np.full(size, 0.3)

        def count(batches: list[Tensors] = batches, scores: np.ndarray = scores) -> None:
            for batch in batches:
                counter.add(batch, scores)

        yield f"row of {NUMERIC + CATEGORICAL} columns in bins, {size} at once", count, 20, FLUSH_ROWS


def rarity() -> Iterator[Case]:
    """How rare a row is: one that is usual by its categories alone, one that is not, and many at once."""
    contract = _contract()
    rows = _rows(contract, FLUSH_ROWS)
    numbers, texts = rows.numeric[0].tolist(), rows.categorical[0].tolist()
    for name, bound in (("rarity of a usual row", 1000.0), ("rarity of a row near the bound", 1.0)):
        known = Rarity(contract, bound)

        def ask(known: Rarity = known) -> bool:
            return known.is_rare(numbers, texts)

        yield name, ask, 100_000, 1
    yield f"rarity of a row, {FLUSH_ROWS} at once", lambda: known.faults(rows), 20, FLUSH_ROWS


def traces() -> Iterator[Case]:
    """The decision not to sample."""
    off = Tracer.from_environment({})
    on = Tracer.from_environment({"TABI_OTLP_ENDPOINT": "http://127.0.0.1:1", "TABI_TRACE_RATIO": "0"})
    yield "trace, off", lambda: off.begin(PARENT, "/predict", "r"), 200_000, 1
    yield "trace, not sampled by ratio", lambda: on.begin(None, "/predict", "r"), 200_000, 1
    yield "trace, not sampled by its parent", lambda: on.begin(PARENT, "/predict", "r"), 200_000, 1
    yield "step of a request that is not sampled", lambda: mark("r", "decode"), 200_000, 1
    on.close()


def _contract() -> Contract:
    edges = tuple(float(i) for i in range(10))
    names = tuple(f"category {i}" for i in range(CATEGORIES))
    numeric = [NumericColumn(f"n{i}", reference=NumericReference(edges, (1,) * 11, 0)) for i in range(NUMERIC)]
    known = CategoricalReference((1,) * CATEGORIES, 0, 0)
    categorical = [CategoricalColumn(f"c{i}", names, reference=known) for i in range(CATEGORICAL)]
    return Contract("adult", (*numeric, *categorical), Goal("y", ("no", "yes")))


def _rows(contract: Contract, count: int) -> Tensors:
    """Every text an object of its own, as decoding gives them."""
    rng = np.random.default_rng(0)
    texts = [[f"category {i}" for i in rng.integers(0, CATEGORIES, CATEGORICAL)] for _ in range(count)]
    categorical = np.empty((count, CATEGORICAL), dtype=np.object_)
    categorical[:] = texts
    return Tensors(rng.uniform(-1, 11, (count, len(contract.numeric))), categorical)


if __name__ == "__main__":
    main()
