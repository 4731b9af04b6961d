"""The service over grpc.aio, on the event loop of whoever starts it."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import grpc  # type: ignore[import-untyped]
import msgspec

from tabi.errors import ConfigError, NotFoundError, NotReadyError
from tabi.serving.model import Model
from tabi.serving.problems import problem_of
from tabi.serving.protocols.exchange import Decide
from tabi.serving.protocols.grpc import messages, translate
from tabi.serving.protocols.grpc.messages import Message

Models = Callable[[str, str], tuple[Model, Decide]]
"""A model by its name, and what decides for it and records under the request id that is given.

`NotFoundError` for a name that is not served, `NotReadyError` for one of which nothing is loaded yet.
"""

MAX_MESSAGE = 64 * 1024 * 1024
# more at once are refused as RESOURCE_EXHAUSTED
MAX_CALLS = 1024
# up to here a request is answered on the event loop: a hop to a thread costs more than its rows
INLINE = 64 * 1024

REQUEST_ID = "x-request-id"
_sane_id = re.compile(r"[A-Za-z0-9._:-]{1,128}").fullmatch

_CODES = {
    404: grpc.StatusCode.NOT_FOUND,
    413: grpc.StatusCode.RESOURCE_EXHAUSTED,
    422: grpc.StatusCode.INVALID_ARGUMENT,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    503: grpc.StatusCode.UNAVAILABLE,
}


class Running(NamedTuple):
    """A server that answers at `port`. `stop` takes no more calls and gives those in flight so many seconds."""

    port: int
    stop: Callable[[float], Awaitable[None]]


async def start(models: Models, ready: Callable[[], bool], listen: str) -> Running:
    """Answer at `listen`, host and port, port 0 being a free one. Several processes may listen at the same port."""
    options = [
        ("grpc.max_receive_message_length", MAX_MESSAGE),
        ("grpc.max_send_message_length", -1),
        ("grpc.so_reuseport", 1),
    ]
    server = grpc.aio.server(options=options, maximum_concurrent_rpcs=MAX_CALLS)
    server.add_generic_rpc_handlers((_handlers(_Service(models, ready)),))
    try:
        port = server.add_insecure_port(listen)
    except RuntimeError as error:
        raise ConfigError(f"cannot listen for gRPC on {listen}: choose another address") from error
    await server.start()
    return Running(port, server.stop)


def _handlers(service: _Service) -> Any:
    methods = {
        name: grpc.unary_unary_rpc_method_handler(
            service.answering(getattr(service, name)),
            request_deserializer=request.FromString,
            response_serializer=response.SerializeToString,
        )
        for name, (request, response) in messages.methods().items()
    }
    return grpc.method_handlers_generic_handler(messages.SERVICE, methods)


class _Service:
    """The methods of the service, by their names in it: a request and its id -> a response."""

    def __init__(self, models: Models, ready: Callable[[], bool]) -> None:
        self._models = models
        self._ready = ready

    def answering(self, method: Callable[[Message, str], Awaitable[Message]]) -> Callable[..., Awaitable[Message]]:
        """The method as grpc.aio calls it: with a request id in its metadata, and errors as statuses."""

        async def answer(request: Message, context: Any) -> Message:
            request_id = _request_id(context)
            metadata = ((REQUEST_ID, request_id),)
            try:
                reply = await method(request, request_id)
            except Exception as error:  # noqa: BLE001  whatever it is, its caller gets a status and the log the rest
                await context.abort(*_status_of(error, request_id), trailing_metadata=metadata)
            context.set_trailing_metadata(metadata)
            return reply

        return answer

    async def ServerLive(self, request: Message, request_id: str) -> Message:  # noqa: N802, ARG002
        return messages.ServerLiveResponse(live=True)

    async def ServerReady(self, request: Message, request_id: str) -> Message:  # noqa: N802, ARG002
        return messages.ServerReadyResponse(ready=self._ready())

    async def ServerMetadata(self, request: Message, request_id: str) -> Message:  # noqa: N802, ARG002
        return translate.server_metadata()

    async def ModelReady(self, request: Message, request_id: str) -> Message:  # noqa: N802
        try:
            self._find(request.name, request.version, request_id)
        except NotReadyError:
            return messages.ModelReadyResponse(ready=False)
        return messages.ModelReadyResponse(ready=True)

    async def ModelMetadata(self, request: Message, request_id: str) -> Message:  # noqa: N802
        model, _ = self._find(request.name, request.version, request_id)
        return translate.model_metadata(model)

    async def ModelInfer(self, request: Message, request_id: str) -> Message:  # noqa: N802
        model, decide = self._find(request.model_name, request.model_version, request_id)
        if request.ByteSize() <= INLINE:
            return translate.infer(model, request, decide)
        return await asyncio.to_thread(translate.infer, model, request, decide)

    def _find(self, name: str, version: str, request_id: str) -> tuple[Model, Decide]:
        model, decide = self._models(name, request_id)
        if version not in ("", model.version):
            raise NotFoundError("the model does not answer with this version")
        return model, decide


def _status_of(error: Exception, request_id: str) -> tuple[Any, str]:
    """The status for an error. What the caller is not told goes to the log, under the request id."""
    if isinstance(error, NotFoundError):
        return grpc.StatusCode.NOT_FOUND, "there is no such model, or it does not answer with this version"
    found = problem_of(error, request_id)
    code = _CODES.get(found.status, grpc.StatusCode.INTERNAL)
    return code, msgspec.json.decode(found.content)["detail"]


def _request_id(context: Any) -> str:
    """The caller's if it is one that a log can hold, else a new one."""
    for name, value in context.invocation_metadata() or ():
        if name == REQUEST_ID and isinstance(value, str) and _sane_id(value):
            return value
    return os.urandom(16).hex()
