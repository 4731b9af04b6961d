"""The hot door: the routes that predict, as a plain ASGI app. Everything else goes to the other door."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter_ns
from typing import Any

from tabi.serving.batching import Done
from tabi.serving.endpoints import NDJSON, Asking, Endpoint, Large
from tabi.serving.http.admission import Admission
from tabi.serving.http.bodies import GoneError, Held, RefusedError, read_body
from tabi.serving.http.descriptors import room_for
from tabi.serving.http.heads import Head, read_head
from tabi.serving.http.origins import Origins
from tabi.serving.http.plain import Plain
from tabi.serving.http.steer import steer, steer_large
from tabi.serving.http.streams import Streams
from tabi.serving.http.watch import Watch
from tabi.serving.http.wire import SECURITY
from tabi.serving.large.process import LargeRequests
from tabi.serving.messages import Response
from tabi.serving.problems import RETRY, problem, problem_of
from tabi.serving.routes import Routes
from tabi.serving.telemetry.steps import UNDER_WAY, mark
from tabi.serving.telemetry.trace import Span

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Refusal = Callable[[Scope, str], Response | None]
"""Of a request to a guarded route, by its id; None if it may pass."""

_BUSY = "the server is busy: try again in a moment"


class Door:
    """An ASGI app that answers the hot routes itself and passes the rest to `other`.

    Large requests are answered one after the other by a process of their own, for which a thread waits: what they need
    at once is bounded, and small ones have the event loop. `closing`: the server stops, and no connection is kept.
    """

    def __init__(
        self,
        routes: Routes,
        plain: Mapping[str, Plain],
        other: App,
        large: LargeRequests,
        watch: Watch,
        origins: Origins,
        refusal: Refusal,
    ) -> None:
        limits = large.limits
        self.endpoints_by_url = {path.encode(): endpoint for path, endpoint in routes.endpoints.items()}
        self.admission = Admission(limits, watch.queued)
        self.limits = limits
        self.most_connections = room_for(limits.connections)
        self.watch = watch
        self.closing = False
        self._routes = routes
        self._plain = plain
        self._other = other
        self._origins = origins
        self._refusal = refusal
        self._large = large
        self._pool = ThreadPoolExecutor(1, "large-requests")
        self._streams = Streams(self.admission, watch, large, self._pool)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI app."""
        began = perf_counter_ns()
        self.watch.begin()
        head, path = read_head(scope["headers"]), scope["path"]
        send = self._origins.allowing(scope, send)
        endpoint = self._routes.find(path)
        if scope["method"] == "OPTIONS" and self._origins.asks(scope):
            await self._finish(send, self._origins.preflight(), head, "other", began)
        elif path in self._plain:
            await self._finish(send, await self._plain_answer(scope, head.request_id), head, path, began)
        elif endpoint is None:
            await self._pass_on(scope, receive, send, head, began)
        elif scope["method"] != "POST":
            wrong = problem(405, "this route takes POST", head.request_id, ("allow", "POST"))
            await self._finish(send, wrong, head, endpoint.label, began)
        elif _encoded(scope):
            wrong = problem(415, "the body is compressed: send it as it is", head.request_id)
            await self._finish(send, wrong, head, endpoint.label, began)
        elif head.kind in NDJSON and path in self._routes.lines:
            await self._streams.answer(self._routes.lines[path], receive, send, head, began, self._finish)
        elif path in self._routes.guarded and (refused := self._refusal(scope, head.request_id)) is not None:
            await self._finish(send, refused, head, endpoint.label, began)
        else:
            await self._answer(endpoint, scope, receive, send, head, began)

    def start(self, endpoint: Endpoint, asking: Asking, done: Done) -> None:
        """Answer a request that is `inline`; `done` is called on the event loop. It raises nothing."""
        try:
            steering = endpoint.steering
            if steering is not None:
                asking, done = steer(steering, endpoint, asking, done)
            if UNDER_WAY:
                mark(asking.request_id, "route", **({"tabi.arm": asking.arm} if asking.arm else {}))
            if endpoint.light(asking.body):
                endpoint.start(asking, done)
            else:
                self._start_in_thread(endpoint, asking, done)
        except Exception as error:  # noqa: BLE001  whatever it is, its caller gets an answer and the log the rest
            done(problem_of(error, asking.request_id))

    def _start_in_thread(self, endpoint: Endpoint, asking: Asking, done: Done) -> None:
        if not self.admission.enter_large():
            done(self.busy(asking.request_id))
            return
        loop = asyncio.get_running_loop()

        def finish(response: Response) -> None:
            self.admission.leave_large()
            done(response)

        working = self._pool.submit(self._work, endpoint, asking, deque([asking.body]))
        working.add_done_callback(lambda found: loop.call_soon_threadsafe(finish, found.result()))

    def busy(self, request_id: str) -> Response:
        """The answer to a request that is one too many."""
        self.watch.reject("in_flight")
        return problem(503, _BUSY, request_id, *RETRY)

    def close(self) -> None:
        """End the process of large requests, and the thread that waits for it."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._large.close()

    async def _answer(
        self, endpoint: Endpoint, scope: Scope, receive: Receive, send: Send, head: Head, began: int
    ) -> None:
        span = self.watch.begin_span(head, endpoint.label)
        with Held(self.admission) as held:
            try:
                response = await self._decided(endpoint, scope, receive, head, began, held)
            except GoneError:
                self.watch.gone(endpoint.label, span)
                return
            except RefusedError as refused:
                self.watch.reject(refused.reason)
                more = RETRY if refused.status == 503 else ()
                response = problem(refused.status, str(refused), head.request_id, *more)
            # the body is gone, and the answer is there until its client has read it
            held.now(len(response.content))
            await self._finish(send, response, head, endpoint.label, began, span)

    async def _decided(
        self, endpoint: Endpoint, scope: Scope, receive: Receive, head: Head, began: int, held: Held
    ) -> Response:
        parts = await read_body(receive, head.length, endpoint.limit, held)
        mark(head.request_id, "read")
        asking = Asking(
            scope["headers"], scope["query_string"], head.kind, head.accept, b"", head.request_id, began, head.unit
        )
        if endpoint.inline(head.kind, head.accept, sum(map(len, parts))):
            if not self.admission.enter():
                return self.busy(head.request_id)
            try:
                return await self._now(endpoint, asking._replace(body=b"".join(parts)))
            finally:
                self.admission.leave()
        asking, answered = steer_large(endpoint, asking, parts)
        if not self.admission.enter_large():
            return answered(self.busy(head.request_id))
        try:
            response = answered(await self._in_thread(endpoint, asking, parts, receive))
            mark(head.request_id, "large")
            return response
        finally:
            self.admission.leave_large()

    async def _now(self, endpoint: Endpoint, asking: Asking) -> Response:
        answered: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self.start(endpoint, asking, lambda found: None if answered.done() else answered.set_result(found))
        return await answered

    async def _in_thread(self, endpoint: Endpoint, asking: Asking, parts: deque[bytes], receive: Receive) -> Response:
        """Answer a large request, unless its client leaves before it is begun."""
        working = self._pool.submit(self._work, endpoint, asking, parts)
        answered = asyncio.wrap_future(working)
        leaving = asyncio.ensure_future(receive())
        try:
            await asyncio.wait((answered, leaving), return_when=asyncio.FIRST_COMPLETED)
            if not answered.done() and working.cancel():
                raise GoneError
            return await answered
        finally:
            leaving.cancel()

    def _work(self, endpoint: Endpoint, asking: Asking, parts: deque[bytes]) -> Response:
        """In the thread: answer a large request, unless nobody has read the answers before it."""
        try:
            if self.admission.full:
                return problem(503, _BUSY, asking.request_id, *RETRY)
            if isinstance(endpoint, Large):
                return self._large.answer(endpoint, asking, parts)
            return endpoint.work(asking._replace(body=b"".join(parts)))
        except Exception as error:  # noqa: BLE001  as on the loop
            return problem_of(error, asking.request_id)

    async def _plain_answer(self, scope: Scope, request_id: str) -> Response:
        if scope["method"] not in ("GET", "HEAD"):
            return problem(405, "this route takes GET", request_id, ("allow", "GET, HEAD"))
        try:
            return await self._plain[scope["path"]](scope, request_id)
        except Exception as error:  # noqa: BLE001  as of every route
            return problem_of(error, request_id)

    async def _finish(
        self, send: Send, response: Response, head: Head, label: str, began: int, span: Span | None = None
    ) -> None:
        self.watch.answered(label, response.status, began, head.request_id, span)
        headers = [
            (b"content-type", response.content_type.encode()),
            *((name.encode(), value.encode()) for name, value in response.headers),
            (b"x-request-id", head.request_id.encode()),
            (b"content-length", str(len(response.content)).encode()),
            *SECURITY,
        ]
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": response.content})

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send, head: Head, began: int) -> None:
        """Let the other door answer; it finds the request id in its state, and every reply carries it."""
        state = {**scope.get("state", {}), "request_id": head.request_id}
        # the connection keeps the method, and leaves the body out of what is answered to HEAD
        scope = {**scope, "state": state, "method": "GET" if scope["method"] == "HEAD" else scope["method"]}
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


def _encoded(scope: Scope) -> bool:
    return any(name == b"content-encoding" and value.lower() != b"identity" for name, value in scope["headers"])
