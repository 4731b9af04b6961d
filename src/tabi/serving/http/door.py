"""The hot door: the routes that predict, as a plain ASGI app. Everything else goes to the other door."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import Future, ThreadPoolExecutor
from time import perf_counter_ns
from typing import Any

from tabi.serving.batching import Done
from tabi.serving.endpoints import NDJSON, Asking, Endpoint
from tabi.serving.http.admission import Admission
from tabi.serving.http.heads import Head, read_head
from tabi.serving.http.origins import Origins
from tabi.serving.http.plain import Plain
from tabi.serving.http.watch import Watch
from tabi.serving.messages import Response
from tabi.serving.ndjson import PredictLines
from tabi.serving.problems import RETRY, problem, problem_of
from tabi.serving.settings import Limits

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

SECURITY = ((b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store"))


class _RefusedError(Exception):
    """A body that is not taken: the status, and why."""

    def __init__(self, status: int, detail: str, reason: str) -> None:
        super().__init__(detail)
        self.status = status
        self.reason = reason


class _GoneError(Exception):
    """The sender went away before its body was complete."""


class Door:
    """An ASGI app that answers the hot routes itself and passes the rest to `other`.

    `endpoints` by path. One thread does the large requests, one after the other: what they need at once is bounded,
    and the small ones keep the rest of the processor.
    """

    def __init__(
        self,
        endpoints: Mapping[str, Endpoint],
        lines: Mapping[str, PredictLines],
        plain: Mapping[str, Plain],
        other: App,
        limits: Limits,
        watch: Watch,
        origins: Origins,
    ) -> None:
        self.endpoints = endpoints
        self.endpoints_by_url = {path.encode(): endpoint for path, endpoint in endpoints.items() if path.isascii()}
        self.admission = Admission(limits)
        self.limits = limits
        self.watch = watch
        self._lines = lines
        self._plain = plain
        self._other = other
        self._origins = origins
        self._pool = ThreadPoolExecutor(1, "large-requests")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI app."""
        began = perf_counter_ns()
        self.watch.begin()
        head = read_head(scope["headers"])
        send = self._origins.allowing(scope, send)
        endpoint = self.endpoints.get(scope["path"])
        if scope["method"] == "OPTIONS" and self._origins.asks(scope):
            await _send(send, self._origins.preflight(), head.request_id)
        elif scope["path"] in self._plain:
            response = await self._plain_answer(scope, head.request_id)
            await self._finish(send, response, head, scope["path"], began)
        elif endpoint is None:
            await self._pass_on(scope, receive, send, head, began)
        elif scope["method"] != "POST":
            wrong = problem(405, "Method Not Allowed", head.request_id, ("allow", "POST"))
            await self._finish(send, wrong, head, endpoint.label, began)
        elif not self.admission.enter():
            self.watch.reject("in_flight")
            busy = problem(503, "the server is busy: try again in a moment", head.request_id, *RETRY)
            await self._finish(send, busy, head, endpoint.label, began)
        elif head.kind in NDJSON and scope["path"] in self._lines:
            await self._stream(scope, receive, send, head, began)
        else:
            await self._answer(endpoint, scope, receive, send, head, began)

    def admit(self, length: int) -> bool:
        """Take in a request whose body will have `length` bytes; False if there is no room."""
        if not self.admission.enter():
            return False
        if not self.admission.hold(length):
            self.admission.leave(0)
            return False
        self.watch.begin()
        return True

    def start(self, endpoint: Endpoint, asking: Asking, done: Done) -> None:
        """Answer a request on the event loop or in the thread; `done` is called on the loop. It raises nothing."""
        try:
            if endpoint.inline(asking.kind, len(asking.body)):
                endpoint.start(asking, done)
                return
            loop = asyncio.get_running_loop()
            working = self._pool.submit(_work, endpoint, asking)
            working.add_done_callback(lambda found: loop.call_soon_threadsafe(_hand_over, found, done))
        except Exception as error:  # noqa: BLE001  whatever it is, its caller gets an answer and the log the rest
            done(problem_of(error, asking.request_id))

    def close(self) -> None:
        """Stop the thread once it has nothing to do."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _answer(
        self, endpoint: Endpoint, scope: Scope, receive: Receive, send: Send, head: Head, began: int
    ) -> None:
        held = _Held(self.admission, endpoint.limit)
        span = self.watch.begin_span(head, endpoint.label)
        try:
            body = await held.read(receive, head.length)
            asking = Asking(scope["headers"], scope["query_string"], head.kind, body, head.request_id, began)
            answered: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
            self.start(endpoint, asking, lambda found: None if answered.done() else answered.set_result(found))
            response = await answered
        except _GoneError:
            self.watch.gone(endpoint.label, span)
            return
        except _RefusedError as refused:
            if refused.status == 503:
                self.watch.reject(refused.reason)
            more = RETRY if refused.status == 503 else ()
            response = problem(refused.status, str(refused), head.request_id, *more)
        finally:
            self.admission.leave(held.size)
        await self._finish(send, response, head, endpoint.label, began, span)

    async def _plain_answer(self, scope: Scope, request_id: str) -> Response:
        if scope["method"] not in ("GET", "HEAD"):
            return problem(405, "Method Not Allowed", request_id, ("allow", "GET, HEAD"))
        try:
            return await self._plain[scope["path"]](scope, request_id)
        except Exception as error:  # noqa: BLE001  as of every route
            return problem_of(error, request_id)

    async def _finish(
        self, send: Send, response: Response, head: Head, label: str, began: int, span: Any = None
    ) -> None:
        self.watch.answered(label, response.status, began, head.request_id, span)
        await _send(send, response, head.request_id)

    async def _stream(self, scope: Scope, receive: Receive, send: Send, head: Head, began: int) -> None:
        """Answer lines while they arrive: neither all of the rows nor all of the answers are ever held."""
        lines = self._lines[scope["path"]]
        loop = asyncio.get_running_loop()
        try:
            slot = lines.slot()
        except Exception as error:  # noqa: BLE001
            self.admission.leave(0)
            await self._finish(send, problem_of(error, head.request_id), head, lines.label, began)
            return
        headers = [(b"content-type", b"application/x-ndjson"), (b"x-request-id", head.request_id.encode()), *SECURITY]
        reading = lines.reading(slot, head.request_id, began)
        try:
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            more = True
            while more:
                message = await receive()
                if message["type"] != "http.request":
                    return
                more = bool(message.get("more_body"))
                answers = await loop.run_in_executor(
                    self._pool, reading.take, bytes(message.get("body", b"")), not more
                )
                if reading.ended:
                    more = False
                await send({"type": "http.response.body", "body": answers, "more_body": more})
        finally:
            self.admission.leave(0)
            self.watch.answered(lines.label, 200, began, head.request_id, None)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send, head: Head, began: int) -> None:
        """Let the other door answer; it finds the request id in its state, and every reply carries it."""
        scope["state"] = {**scope.get("state", {}), "request_id": head.request_id}
        status = 500

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", head.request_id.encode()), *SECURITY]
            await send(message)

        try:
            await self._other(scope, receive, send_with_id)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            self.watch.answered(route, status, began, head.request_id, None)


class _Held:
    """The bytes of one request that its worker holds."""

    def __init__(self, admission: Admission, limit: int) -> None:
        self.size = 0
        self._admission = admission
        self._limit = limit

    async def read(self, receive: Receive, length: int) -> bytes:
        """The whole body, bounded while it arrives, and before if its length is said."""
        if length > 0:
            self._take(length)
        message = await receive()
        if message["type"] == "http.request" and not message.get("more_body"):
            # one part is the rule, and joining it would copy it
            self._grow(len(message.get("body", b"")))
            return bytes(message.get("body", b""))
        parts = bytearray()
        while message["type"] == "http.request":
            parts += message.get("body", b"")
            self._grow(len(parts))
            if not message.get("more_body"):
                return bytes(parts)
            message = await receive()
        raise _GoneError

    def _grow(self, to: int) -> None:
        if to > self.size:
            self._take(to - self.size)

    def _take(self, more: int) -> None:
        if self.size + more > self._limit:
            raise _RefusedError(413, f"the body is larger than {self._limit} bytes: send less at once", "body")
        if not self._admission.hold(more):
            raise _RefusedError(503, "the server holds too much already: try again in a moment", "buffered")
        self.size += more


def _work(endpoint: Endpoint, asking: Asking) -> Response:
    try:
        return endpoint.work(asking)
    except Exception as error:  # noqa: BLE001  as on the loop
        return problem_of(error, asking.request_id)


def _hand_over(found: Future[Response], done: Done) -> None:
    if not found.cancelled():
        done(found.result())


async def _send(send: Send, response: Response, request_id: str) -> None:
    headers = [
        (b"content-type", response.content_type.encode()),
        (b"content-length", str(len(response.content)).encode()),
        (b"x-request-id", request_id.encode()),
        *SECURITY,
        *((name.encode(), value.encode()) for name, value in response.headers),
    ]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.content})
