"""The hot door: two routes as a plain ASGI function. Everything else goes to the other door."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from tabi.errors import TabiError
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

_log = logging.getLogger("tabi.serving")


def two_doors(slot: Slot, other: App) -> App:
    """An ASGI app that answers the hot routes itself and passes the rest to `other`."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST" and scope["path"] in HOT_ROUTES:
            await _answer(slot, scope, receive, send)
        else:
            await other(scope, receive, send)

    return app


async def _answer(slot: Slot, scope: Scope, receive: Receive, send: Send) -> None:
    request_id = request_id_of(scope)
    content_type = b"application/json"
    try:
        body = await _read(receive)
        if body is None:
            status, content, content_type = 413, _too_large(request_id), PROBLEM.encode()
        else:
            model = slot.model
            answer = model.answer_predict if scope["path"] == "/predict" else model.answer_batch
            if len(body) <= INLINE_BODY:
                content = encode(answer(body, request_id))
            else:
                content = await asyncio.to_thread(lambda: encode(answer(body, request_id)))
            status = 200
    except TabiError as error:
        (status, content), content_type = problem_of(error, request_id), PROBLEM.encode()
    except Exception as error:  # noqa: BLE001  whatever it is, its caller gets an answer and the log the rest
        _log.exception("request %s failed", request_id)
        (status, content), content_type = problem_of(error, request_id), PROBLEM.encode()
    headers = [
        (b"content-type", content_type),
        (b"content-length", str(len(content)).encode()),
        (b"x-request-id", request_id.encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


def request_id_of(scope: Scope) -> str:
    """The caller's X-Request-ID if it is one a log can hold, else a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and 0 < len(value) <= 128 and value.replace(b"-", b"").isalnum():
            return str(value.decode("ascii"))
    return os.urandom(16).hex()


async def _read(receive: Receive) -> bytes | None:
    """The whole body, or None if it is larger than allowed or its sender went away."""
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        return body if len(body) <= MAX_BODY else None
    parts, size = [body], len(body)
    while message.get("more_body"):
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MAX_BODY:
            return None
    return b"".join(parts)


def _too_large(request_id: str) -> bytes:
    return problem_for_status(413, f"the body is larger than {MAX_BODY} bytes", request_id)
