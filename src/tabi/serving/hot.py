"""The hot door: two routes as a plain ASGI function. Everything else goes to the other door."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from tabi.serving.codec import encode
from tabi.serving.problems import CONTENT_TYPE as PROBLEM
from tabi.serving.problems import problem_for_status, problem_of
from tabi.serving.slot import Slot

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

HOT_ROUTES = ("/predict", "/predict_batch")
MAX_BODY = 64 * 1024 * 1024
# up to here a body is answered on the event loop: a hop to a thread costs more than its rows
INLINE_BODY = 64 * 1024

# what a log, a header and a shell can hold without quotes
_sane_id = re.compile(rb"[A-Za-z0-9._:-]{1,128}").fullmatch


class _TooLargeError(Exception):
    """The body is larger than `MAX_BODY`."""


class _GoneError(Exception):
    """The sender went away before its body was complete."""


def two_doors(slot: Slot, other: App) -> App:
    """An ASGI app that answers the hot routes itself and passes the rest to `other`."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] not in HOT_ROUTES:
            await _pass_on(other, scope, receive, send)
        elif scope["method"] == "POST":
            await _answer(slot, scope, receive, send)
        else:
            request_id = request_id_of(scope)
            problem = problem_for_status(405, "Method Not Allowed", request_id)
            await _send(send, 405, problem, request_id, (b"allow", b"POST"))

    return app


def request_id_of(scope: Scope) -> str:
    """The caller's X-Request-ID if it is one that a log can hold, else a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _sane_id(value):
            return str(value.decode("ascii"))
    return new_request_id()


def new_request_id() -> str:
    """32 random hex digits."""
    return os.urandom(16).hex()


async def _answer(slot: Slot, scope: Scope, receive: Receive, send: Send) -> None:
    request_id = request_id_of(scope)
    try:
        body = await _read(receive)
        model = slot.model
        answer = model.answer_predict if scope["path"] == "/predict" else model.answer_batch
        if len(body) <= INLINE_BODY:
            content = encode(answer(body, request_id))
        else:
            content = await asyncio.to_thread(lambda: encode(answer(body, request_id)))
        status = 200
    except _GoneError:
        return
    except _TooLargeError:
        status = 413
        content = problem_for_status(status, f"the body is larger than {MAX_BODY} bytes", request_id)
    except Exception as error:  # noqa: BLE001  whatever it is, its caller gets an answer and the log the rest
        status, content = problem_of(error, request_id)
    await _send(send, status, content, request_id)


async def _pass_on(other: App, scope: Scope, receive: Receive, send: Send) -> None:
    """Let the other door answer; it finds the request id in its state, and every reply carries it."""
    request_id = request_id_of(scope)
    scope["state"] = {**scope.get("state", {}), "request_id": request_id}

    async def send_with_id(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
        await send(message)

    await other(scope, receive, send_with_id)


async def _send(send: Send, status: int, content: bytes, request_id: str, *more: tuple[bytes, bytes]) -> None:
    headers = [
        (b"content-type", b"application/json" if status == 200 else PROBLEM.encode()),
        (b"content-length", str(len(content)).encode()),
        (b"x-request-id", request_id.encode()),
        *more,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


async def _read(receive: Receive) -> bytes:
    """The whole body, bounded while it arrives."""
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        # one part is the rule, and joining it would copy it
        body: bytes = message.get("body", b"")
        _check_size(body)
        return body
    parts = bytearray()
    while message["type"] == "http.request":
        parts += message.get("body", b"")
        _check_size(parts)
        if not message.get("more_body"):
            return bytes(parts)
        message = await receive()
    raise _GoneError


def _check_size(body: bytes | bytearray) -> None:
    if len(body) > MAX_BODY:
        raise _TooLargeError
