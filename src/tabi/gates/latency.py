"""How long one row and a hundred take in this process, in multiples of the machine's own floor.

The floor is the smallest graph that reads a number and gives one, run between the model's own calls: where the machine
is slow or busy, it is slow too. Measured is what a server does with a row: read it by the
contract, run the graph.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tabi.bundle.session import NUMERIC, PROBABILITY, Session
from tabi.contract import RowReader, Tensors
from tabi.gates.candidate import Candidate
from tabi.gates.verdict import Verdict, level_above, worst

GATE = "latency"
# the usual bounds, in multiples of the floor
ROW, HUNDRED = 300.0, 6000.0
CALLS, SECONDS = 300, 1.0
P = 0.95


def latency_gate(candidate: Candidate) -> Verdict:
    """Fail above the project's bounds, warn above the usual ones."""
    rows = _rows(candidate)
    reader, session, floor = RowReader(candidate.contract), candidate.session, floor_session()
    nothing = Tensors(np.zeros((1, 1)), np.empty((1, 0), dtype=np.object_))

    def of(count: int) -> Callable[[], object]:
        return lambda: session.predict(reader.read(rows[:count])[0])

    one, least = measured([of(1), lambda: floor.predict(nothing)])
    hundred, least_again = measured([of(len(rows)), lambda: floor.predict(nothing)])
    config = candidate.gates.latency
    ratios = one / least, hundred / least_again
    level = worst(
        [level_above(ratios[0], config.row_maximum, ROW), level_above(ratios[1], config.hundred_maximum, HUNDRED)]
    )
    figures = {
        "row_p95_us": one * 1e6,
        "hundred_p95_us": hundred * 1e6,
        "floor_p95_us": least * 1e6,
        "row": ratios[0],
        "hundred": ratios[1],
    }
    reason = (
        f"p95 of one row {one * 1e6:,.0f} µs, {ratios[0]:.0f} times the floor of {least * 1e6:.0f} µs; of a hundred "
        f"{hundred * 1e6:,.0f} µs, {ratios[1]:.0f} times"
    )
    return Verdict(GATE, level, figures, reason, candidate.report(GATE, {"calls": CALLS, **figures}))


def measured(calls: Sequence[Callable[[], object]]) -> list[float]:
    """p95 in seconds of each, all of them called in turn, for about a second at most."""
    taken: list[list[float]] = [[] for _ in calls]
    for call in calls:
        call()
    was_on = gc.isenabled()
    gc.disable()
    try:
        end = time.perf_counter() + SECONDS
        while len(taken[0]) < CALLS and (len(taken[0]) < 20 or time.perf_counter() < end):
            for call, times in zip(calls, taken, strict=True):
                begun = time.perf_counter()
                call()
                times.append(time.perf_counter() - begun)
    finally:
        if was_on:
            gc.enable()
    return [float(np.quantile(times, P)) for times in taken]


def floor_session() -> Session:
    """A graph of one operator: the sum of a row's numbers."""
    from onnx import TensorProto, helper, numpy_helper

    node = helper.make_node("ReduceSum", [NUMERIC, "axis"], [PROBABILITY], keepdims=0)
    graph = helper.make_graph(
        [node],
        "floor",
        [helper.make_tensor_value_info(NUMERIC, TensorProto.DOUBLE, ["rows", 1])],
        [helper.make_tensor_value_info(PROBABILITY, TensorProto.DOUBLE, ["rows"])],
        [numpy_helper.from_array(np.array([1]), "axis")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    return Session(model.SerializeToString())


def _rows(candidate: Candidate) -> list[dict[str, Any]]:
    """A hundred test rows as a request has them; of fewer, some again."""
    some = candidate.test.X.iloc[np.arange(100) % len(candidate.test.X)]
    return [
        {str(name): None if value != value else value for name, value in row.items()}  # noqa: PLR0124 - NaN
        for row in some.to_dict("records")
    ]
