"""The service over grpc.aio, on the event loop of whoever starts it."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import grpc  # type: ignore[import-untyped]
import msgspec
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from tabi.errors import ConfigError, NotFoundError, NotReadyError, RequestError
from tabi.serving.places import refusal
from tabi.serving.problems import problem_of
from tabi.serving.protocols.exchange import Found
from tabi.serving.protocols.grpc import messages, translate
from tabi.serving.protocols.grpc.messages import Message


class Call(NamedTuple):
    """Whose a call is: its request id, and the unit that it names, empty if it names none."""

    request_id: str
    unit: str


Models = Callable[[str, str, Call], Found]
"""A model by its name, and what decides for a call of it and records. The version that is named may be empty.

`NotFoundError` for a name that is not served, `NotReadyError` for one of which nothing is loaded yet.
"""

MAX_MESSAGE = 64 * 1024 * 1024
# more at once are refused as RESOURCE_EXHAUSTED
MAX_CALLS = 1024
# up to here a request is answered on the event loop: a hop to a thread costs more than its rows
INLINE = 64 * 1024

REQUEST_ID = "x-request-id"
UNIT_ID = "x-unit-id"
_sane_id = re.compile(r"[A-Za-z0-9._:-]{1,128}").fullmatch
_sane_unit = re.compile(r"[!-~]{1,256}").fullmatch

Reply = tuple[Message, tuple[tuple[str, str], ...]]
"""A response, and what its trailing metadata say beside the request id."""

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
            request_deserializer=_reading(request),
            response_serializer=response.SerializeToString,
        )
        for name, (request, response) in messages.methods().items()
    }
    return grpc.method_handlers_generic_handler(messages.SERVICE, methods)


def _reading(kind: Message) -> Callable[[bytes], Any]:
    """What reads a request; of bytes that are none, the refusal, which the method would not be asked for."""

    def read(content: bytes) -> Any:
        try:
            return kind.FromString(content)
        except DecodeError:
            return refusal(f"the message is no {kind.DESCRIPTOR.name} of the protocol", [("$", "not_a_message")])

    return read


class _Service:
    """The methods of the service, by their names in it: a request and whose it is -> a response and its metadata."""

    def __init__(self, models: Models, ready: Callable[[], bool]) -> None:
        self._models = models
        self._ready = ready

    def answering(self, method: Callable[[Message, Call], Awaitable[Reply]]) -> Callable[..., Awaitable[Message]]:
        """The method as grpc.aio calls it: with a request id in its metadata, and errors as statuses."""

        async def answer(request: Message, context: Any) -> Message:
            call = Call(
                _said(context, REQUEST_ID, _sane_id) or os.urandom(16).hex(), _said(context, UNIT_ID, _sane_unit)
            )
            request_id, metadata = call.request_id, ((REQUEST_ID, call.request_id),)
            try:
                if isinstance(request, RequestError):
                    raise request
                reply, headers = await method(request, call)
            except Exception as error:  # noqa: BLE001  whatever it is, its caller gets a status and the log the rest
                await context.abort(*_status_of(error, request_id), trailing_metadata=metadata)
            context.set_trailing_metadata((*metadata, *headers))
            return reply

        return answer

    async def ServerLive(self, request: Message, call: Call) -> Reply:  # noqa: N802, ARG002
        return messages.ServerLiveResponse(live=True), ()

    async def ServerReady(self, request: Message, call: Call) -> Reply:  # noqa: N802, ARG002
        return messages.ServerReadyResponse(ready=self._ready()), ()

    async def ServerMetadata(self, request: Message, call: Call) -> Reply:  # noqa: N802, ARG002
        return translate.server_metadata(), ()

    async def ModelReady(self, request: Message, call: Call) -> Reply:  # noqa: N802
        try:
            self._find(request.name, request.version, call)
        except NotReadyError:
            return messages.ModelReadyResponse(ready=False), ()
        return messages.ModelReadyResponse(ready=True), ()

    async def ModelMetadata(self, request: Message, call: Call) -> Reply:  # noqa: N802
        found = self._find(request.name, request.version, call)
        return translate.model_metadata(found.model), ()

    async def ModelInfer(self, request: Message, call: Call) -> Reply:  # noqa: N802
        model, decide, headers = self._find(request.model_name, request.model_version, call)
        if request.ByteSize() <= INLINE:
            return translate.infer(model, request, decide), headers
        return await asyncio.to_thread(translate.infer, model, request, decide), headers

    def _find(self, name: str, version: str, call: Call) -> Found:
        found = self._models(name, version, call)
        if version not in ("", found.model.version):
            raise NotFoundError("the model does not answer with this version")
        return found


def _status_of(error: Exception, request_id: str) -> tuple[Any, str]:
    """The status for an error. What the caller is not told goes to the log, under the request id."""
    if isinstance(error, NotFoundError):
        return grpc.StatusCode.NOT_FOUND, "there is no such model, or it does not answer with this version"
    found = problem_of(error, request_id)
    code = _CODES.get(found.status, grpc.StatusCode.INTERNAL)
    return code, msgspec.json.decode(found.content)["detail"]


def _said(context: Any, wanted: str, sane: Callable[[str], object]) -> str:
    """What the caller's metadata say, if it is what a log can hold; else nothing."""
    for name, value in context.invocation_metadata() or ():
        if name == wanted and isinstance(value, str) and sane(value):
            return value
    return ""
