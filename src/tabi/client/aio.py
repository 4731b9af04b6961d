"""The async client: the verbs of the sync one, to be awaited."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
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


class AsyncSender:
    """Carries out calls over one pool of connections."""

    def __init__(self, url: str, options: Options) -> None:
        self.options = options
        self.http = httpx.AsyncClient(**transport.construct(url, options))

    async def send(self, call: Call[R]) -> R:
        """The reply, after as many attempts as the options allow; `ClientError` if there is none."""
        import anyio

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
                outcome = await self._attempt(call, step)
            else:
                await anyio.sleep(step.seconds)
                outcome = None

    async def _attempt(self, call: Call[Any], attempt: Attempt) -> Answer | Failure:
        import anyio

        try:
            with anyio.move_on_after(attempt.left):
                response = await self.http.send(transport.request_of(self.http, call, attempt))
                return transport.answer_of(response, response.content)
            return transport.late(attempt)
        except httpx.RequestError as error:
            return transport.failure_of(error, attempt)


class _AsyncVerbs:
    """What can be asked of one model."""

    def __init__(self, sender: AsyncSender, name: str | None = None) -> None:
        self._sender = sender
        self._routes = Routes(sender.options, name)

    async def predict(self, row: Row, *, request_id: str | None = None) -> AnyReply:
        """Predict one row: the names of its columns and their values. A column that is left out is missing."""
        return await self._sender.send(self._routes.predict(row, request_id))

    async def predict_batch(self, rows: Iterable[Row], *, request_id: str | None = None) -> AnyBatchReply:
        """Predict rows in any number; they are sent in several requests if need be, and answered in their order."""
        return await self._joined(self._routes.batches(rows, request_id))

    async def predict_batches(
        self, rows: Iterable[Row], *, request_id: str | None = None
    ) -> AsyncIterator[AnyBatchReply]:
        """The same in bounded memory: a reply for each request, while `rows` is being read."""
        for call in self._routes.batches(rows, request_id):
            yield await self._sender.send(call)

    async def predict_frame(self, frame: Any, *, request_id: str | None = None) -> AnyBatchReply:
        """Predict the rows of a pandas DataFrame or an Arrow table, which is sent as Arrow. Needs PyArrow."""
        return await self._joined(self._routes.frame(frame, request_id))

    async def schema(self) -> Contract:
        """The contract: the columns of a row."""
        return await self._sender.send(self._routes.schema())

    async def feedback(self, *given: Feedback) -> FeedbackReply:
        """Tell what became of rows; the server's disk has it when this returns. Needs a token, if one is asked for."""
        return await self._sender.send(self._routes.feedback(given))

    async def reload(self, path: str | None = None) -> Reloaded:
        """Let the server load what its reference means now, or the bundle at `path` in its store. Needs a token."""
        return await self._sender.send(self._routes.reload(path))

    async def _joined(self, parts: Iterator[Call[AnyBatchReply]]) -> AnyBatchReply:
        joined = Joined()
        for call in parts:
            joined.add(await self._sender.send(call))
        return joined.reply()


class AsyncModel(_AsyncVerbs):
    """One of the models of a server."""

    async def status(self) -> ModelStatus:
        """Which version answers, and since when."""
        return await self._sender.send(self._routes.status())


class AsyncClient(_AsyncVerbs):
    """A server of Tabi; its own verbs are those of the single model that it serves.

    >>> async with AsyncClient("http://127.0.0.1:8000") as client:
    ...     reply = await client.predict({"age": 39, "sex": "Male"})

    Tasks may share it. `Options` says what the keywords mean.
    """

    def __init__(self, url: str, **options: Unpack[Keywords]) -> None:
        super().__init__(AsyncSender(url, Options(**options)))

    def model(self, name: str) -> AsyncModel:
        """One of several models, by its name."""
        return AsyncModel(self._sender, name)

    async def models(self) -> tuple[ModelStatus, ...]:
        """All models of the server and their versions."""
        return (await self._sender.send(calls.models())).models

    async def health(self) -> Health:
        """Which version of its only model the server answers with; `UnavailableError` while there is none."""
        return await self._sender.send(calls.health())

    async def version(self) -> str:
        """The id of the bundle that answers, where the server has one model."""
        return (await self.health()).version

    async def readiness(self) -> Readiness:
        """Whether the server can answer, and what needs care. Not ready is no error here."""
        return await self._sender.send(calls.readiness())

    async def ready(self) -> bool:
        """Whether predictions are answered now."""
        return await self._sender.send(calls.ready())

    async def close(self) -> None:
        """Close all connections."""
        await self._sender.http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
