"""What watching costs: nanoseconds of each hook of the hot path, of a log line, of a row in the drift counters.

python benchmarks/telemetry.py
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from timeit import repeat

import numpy as np

from tabi.contract import CategoricalColumn, CategoricalReference, Contract, NumericColumn, NumericReference, Tensors
from tabi.contract import Target as Goal
from tabi.predictions import PredictionLine, PredictionLog, encode_lines
from tabi.serving.telemetry.bins import FLUSH_ROWS, BinCounter
from tabi.serving.telemetry.cells import Cells
from tabi.serving.telemetry.exposition import expose
from tabi.serving.telemetry.hooks import ModelMetrics, RequestMetrics
from tabi.serving.telemetry.trace import Tracer

# as many columns as adult has
NUMERIC, CATEGORICAL, CATEGORIES = 6, 8, 12
PARENT = f"00-{'ab' * 16}-{'cd' * 8}-00"

Case = tuple[str, Callable[[], object], int, int]


def main() -> None:
    """Print a line for each call: the best of five rounds."""
    with tempfile.TemporaryDirectory() as folder:
        # one after the other: each closes what it opened once its last call was measured
        for name, call, times, units in chain(hooks(Path(folder)), lines(Path(folder)), bins(Path(folder)), traces()):
            nanoseconds = min(repeat(call, number=times, repeat=5)) / times / units * 1e9
            print(f"{name:<52} {nanoseconds:>10,.0f} ns")


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


def traces() -> Iterator[Case]:
    """The decision not to sample."""
    off = Tracer.from_environment({})
    on = Tracer.from_environment({"TABI_OTLP_ENDPOINT": "http://127.0.0.1:1", "TABI_TRACE_RATIO": "0"})
    yield "trace, off", lambda: off.begin(PARENT, "/predict", "r"), 200_000, 1
    yield "trace, not sampled by ratio", lambda: on.begin(None, "/predict", "r"), 200_000, 1
    yield "trace, not sampled by its parent", lambda: on.begin(PARENT, "/predict", "r"), 200_000, 1
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
