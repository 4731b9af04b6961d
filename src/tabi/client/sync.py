"""The sync client. Each verb is a description of a request (`calls`) that `Sender` carries out."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from time import monotonic
from typing import Any, Self, TypeVar, Unpack

import httpx

from tabi.client import calls, transport
from tabi.client.batches import Joined
from tabi.client.calls import Answer, Call, Routes
from tabi.client.errors import InputError
from tabi.client.exchange import Attempt, Failure, exchange
from tabi.client.options import Keywords, Options
from tabi.client.replies import (
    AnyBatchReply,
    AnyReply,
    Contract,
    Feedback,
    FeedbackReply,
    Health,
    ModelStatus,
    Readiness,
    Reloaded,
)
from tabi.client.rows import Row

R = TypeVar("R")


class Sender:
    """Carries out calls over one pool of connections."""

    def __init__(self, url: str, options: Options) -> None:
        self.options = options
        self.http = httpx.Client(**transport.construct(url, options))

    def send(self, call: Call[R]) -> R:
        """The reply, after as many attempts as the options allow; `ClientError` if there is none."""
        if self.http.is_closed:
            raise InputError("this client is closed: make another")
        steps = exchange(call, self.options)
        outcome: Answer | Failure | None = None
        while True:
            try:
                step = steps.send(outcome)
            except StopIteration as done:
                reply: R = done.value
                return reply
            if isinstance(step, Attempt):
                outcome = self._attempt(call, step)
            else:
                time.sleep(step.seconds)
                outcome = None

    def _attempt(self, call: Call[Any], attempt: Attempt) -> Answer | Failure:
        """Each wait for bytes is bounded by httpx; whoever sends drops is stopped by the clock between two waits."""
        ends = monotonic() + attempt.left
        body = bytearray()
        try:
            response = self.http.send(transport.request_of(self.http, call, attempt), stream=True)
            with closing(response):
                for piece in response.iter_bytes():
                    body += piece
                    if monotonic() >= ends:
                        return transport.late(attempt)
            return transport.answer_of(response, bytes(body))
        except httpx.RequestError as error:
            return transport.failure_of(error, attempt)


class _Verbs:
    """What can be asked of one model."""

    def __init__(self, sender: Sender, name: str | None = None) -> None:
        self._sender = sender
        self._routes = Routes(sender.options, name)

    def predict(self, row: Row, *, request_id: str | None = None) -> AnyReply:
        """Predict one row: the names of its columns and their values. A column that is left out is missing."""
        return self._sender.send(self._routes.predict(row, request_id))

    def predict_batch(self, rows: Iterable[Row], *, request_id: str | None = None) -> AnyBatchReply:
        """Predict rows in any number; they are sent in several requests if need be, and answered in their order."""
        return self._joined(self._routes.batches(rows, request_id))

    def predict_batches(self, rows: Iterable[Row], *, request_id: str | None = None) -> Iterator[AnyBatchReply]:
        """The same in bounded memory: a reply for each request, while `rows` is being read."""
        for call in self._routes.batches(rows, request_id):
            yield self._sender.send(call)

    def predict_frame(self, frame: Any, *, request_id: str | None = None) -> AnyBatchReply:
        """Predict the rows of a pandas DataFrame or an Arrow table, which is sent as Arrow. Needs PyArrow."""
        return self._joined(self._routes.frame(frame, request_id))

    def schema(self) -> Contract:
        """The contract: the columns of a row."""
        return self._sender.send(self._routes.schema())

    def feedback(self, *given: Feedback) -> FeedbackReply:
        """Tell what became of rows; the server's disk has it when this returns. Needs a token, if one is asked for."""
        return self._sender.send(self._routes.feedback(given))

    def reload(self, path: str | None = None) -> Reloaded:
        """Let the server load what its reference means now, or the bundle at `path` in its store. Needs a token."""
        return self._sender.send(self._routes.reload(path))

    def _joined(self, parts: Iterator[Call[AnyBatchReply]]) -> AnyBatchReply:
        joined = Joined()
        for call in parts:
            joined.add(self._sender.send(call))
        return joined.reply()


class Model(_Verbs):
    """One of the models of a server."""

    def status(self) -> ModelStatus:
        """Which version answers, and since when."""
        return self._sender.send(self._routes.status())


class Client(_Verbs):
    """A server of Tabi; its own verbs are those of the single model that it serves.

    >>> with Client("http://127.0.0.1:8000") as client:
    ...     client.predict({"age": 39, "sex": "Male"}).label
    ...     client.model("adult").predict({"age": 39})

    Threads may share it. `Options` says what the keywords mean.
    """

    def __init__(self, url: str, **options: Unpack[Keywords]) -> None:
        super().__init__(Sender(url, Options(**options)))

    def model(self, name: str) -> Model:
        """One of several models, by its name."""
        return Model(self._sender, name)

    def models(self) -> tuple[ModelStatus, ...]:
        """All models of the server and their versions."""
        return self._sender.send(calls.models()).models

    def health(self) -> Health:
        """Which version of its only model the server answers with; `UnavailableError` while there is none."""
        return self._sender.send(calls.health())

    def version(self) -> str:
        """The id of the bundle that answers, where the server has one model."""
        return self.health().version

    def readiness(self) -> Readiness:
        """Whether the server can answer, and what needs care. Not ready is no error here."""
        return self._sender.send(calls.readiness())

    def ready(self) -> bool:
        """Whether predictions are answered now."""
        return self._sender.send(calls.ready())

    def close(self) -> None:
        """Close all connections."""
        self._sender.http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
