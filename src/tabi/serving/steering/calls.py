"""A call that comes as rows, over gRPC: routed as a request over HTTP is."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter_ns

from tabi.serving.codec import encode
from tabi.serving.endpoints import Asking, PredictBatch, whose_of
from tabi.serving.messages import Row, RowsBody
from tabi.serving.model import Decisions, PathOf
from tabi.serving.problems import problem_of
from tabi.serving.protocols.exchange import Found
from tabi.serving.served import Served


def found_by(served: Served, version: str, request_id: str, unit: str) -> Found:
    """The version that answers a call, and what decides with it. `NotReadyError` if nothing is loaded."""
    asking = Asking([], b"", b"application/json", b"", b"", request_id, perf_counter_ns(), unit)
    steering = served.steering
    if steering is None:
        slot = served.slot
        return Found(slot.model, lambda rows, path: slot.decide(rows, path, whose_of(asking)))
    routed = steering.route(asking, version or None)
    asking, arm = routed
    copies = steering.copying(PredictBatch.label, asking.unit)

    def decide(rows: Sequence[Row], path: PathOf) -> Decisions:
        if copies is not None:
            copies.offer(PredictBatch.label, asking, [encode(RowsBody(list(rows)))])
        try:
            found = arm.slot.decide(rows, path, whose_of(asking))
        except Exception as error:
            arm.observe(problem_of(error, request_id).status, asking.began)
            raise
        arm.observe(200, asking.began)
        return found

    return Found(arm.slot.model, decide, arm.headers)
