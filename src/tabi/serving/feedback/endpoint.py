"""The route: reads, checks against the contract, and answers once the disk has it."""

from __future__ import annotations

from concurrent.futures import Future
from time import time
from typing import Protocol

from tabi.contract import Target
from tabi.errors import RequestError
from tabi.predictions import FeedbackLine
from tabi.serving.batching import Done
from tabi.serving.codec import encode
from tabi.serving.endpoints import JSON, NDJSON, Asking, Holder, unsupported
from tabi.serving.feedback.bodies import FeedbackReply, lines_of, read_body, read_lines
from tabi.serving.feedback.writer import Taken, Writer
from tabi.serving.messages import Response
from tabi.serving.problems import RETRY, problem
from tabi.serving.settings import Limits
from tabi.serving.telemetry.hooks import FeedbackMetrics

# up to here a body is decoded on the event loop
INLINE = 8 * 1024
TAKES = "application/json, application/x-ndjson"


class Named(Holder, Protocol):
    """Has the version of a model that answers now, by the model's name."""

    name: str


class Feedback:
    """`POST /feedback` of one model. `writer`: None where the server keeps no log."""

    label = "/feedback"
    version: str | None = None
    # it is of every version alike
    steering = None

    def __init__(self, served: Named, writer: Writer | None, limits: Limits, metrics: FeedbackMetrics) -> None:
        self.limit = limits.protocol_body
        self._served = served
        self._writer = writer
        self._most = limits.rows
        self._metrics = metrics

    def inline(self, kind: bytes, accept: bytes, size: int) -> bool:  # noqa: ARG002
        """A few pieces are."""
        return size <= INLINE

    def light(self, body: bytes) -> bool:  # noqa: ARG002
        """What is inline is."""
        return True

    def start(self, asking: Asking, done: Done) -> None:
        """Answer when the writer has written."""
        if isinstance(found := self._read(asking), Response):
            done(found)
            return
        writer, lines = found
        writer.tell(lines, lambda taken: done(self._reply(asking, lines, taken)))

    def work(self, asking: Asking) -> Response:
        """Wait for the writer."""
        if isinstance(found := self._read(asking), Response):
            return found
        writer, lines = found
        taken = writer.write(lines)
        # whatever becomes of it, the reply says so
        taken.exception()
        return self._reply(asking, lines, taken)

    def _read(self, asking: Asking) -> Response | tuple[Writer, list[FeedbackLine]]:
        if asking.kind not in JSON | NDJSON:
            return unsupported(asking, TAKES)
        if self._writer is None:
            return problem(501, "this server keeps no prediction log, and so no feedback", asking.request_id)
        target: Target = self._served.slot.model.contract.target
        try:
            items = (read_lines if asking.kind in NDJSON else read_body)(asking.body, self._most)
            return self._writer, lines_of(items, self._served.name, target, time())
        except RequestError:
            self._metrics.count("refused", 1)
            raise

    def _reply(self, asking: Asking, lines: list[FeedbackLine], taken: Future[Taken]) -> Response:
        if taken.exception() is not None:
            self._metrics.count("failed", len(lines))
            return problem(503, "the feedback could not be kept: send it again in a moment", asking.request_id, *RETRY)
        accepted = sum(taken.result())
        self._metrics.count("accepted", accepted)
        self._metrics.count("duplicate", len(lines) - accepted)
        return Response(encode(FeedbackReply(accepted, len(lines) - accepted, asking.request_id)), status=202)
