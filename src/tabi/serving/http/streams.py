"""Bodies of lines: each piece is answered while the rest still arrives."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tabi.serving.endpoints import Asking, whose_of
from tabi.serving.http.admission import Admission
from tabi.serving.http.bodies import GoneError, Held, RefusedError
from tabi.serving.http.heads import Head
from tabi.serving.http.watch import Watch
from tabi.serving.http.wire import PIECE, SECURITY
from tabi.serving.large.process import LargeRequests, asking_of
from tabi.serving.ndjson import LineReader, PredictLines, are_few
from tabi.serving.problems import problem_of
from tabi.serving.steering.steering import LoadedArm

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Finish = Callable[..., Awaitable[None]]

_log = logging.getLogger("tabi.serving")


class Streams:
    """Answers lines. Many at once go to the process of large requests, for which a thread of `pool` waits."""

    def __init__(self, admission: Admission, watch: Watch, large: LargeRequests, pool: ThreadPoolExecutor) -> None:
        self._admission = admission
        self._watch = watch
        self._large = large
        self._pool = pool

    async def answer(
        self, lines: PredictLines, receive: Receive, send: Send, head: Head, began: int, finish: Finish
    ) -> None:
        """Answer lines while they arrive: neither all of the rows nor all of the answers are ever held."""
        span = self._watch.begin_span(head, lines.label)
        try:
            reading, arm = _reading(lines, head, began)
        except Exception as error:  # noqa: BLE001  as of every route
            await finish(send, problem_of(error, head.request_id), head, lines.label, began, span)
            return
        headers = [(b"content-type", b"application/x-ndjson"), (b"x-request-id", head.request_id.encode()), *SECURITY]
        headers += [(name.encode(), value.encode()) for name, value in (arm.headers if arm is not None else ())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        status = 200
        try:
            await self._exchange(reading, receive, send)
        except GoneError:
            self._watch.reject("gone")
            status = 499
        except Exception:  # noqa: BLE001
            # the answer is cut short, which its reader can tell
            _log.exception("request %s: failed", head.request_id)
            status = 500
        finally:
            self._watch.answered(lines.label, status, began, head.request_id, span)
            if arm is not None:
                arm.observe(status, began)

    async def _exchange(self, reading: LineReader, receive: Receive, send: Send) -> None:
        with Held(self._admission) as held:
            more = True
            while more:
                message = await receive()
                if message["type"] != "http.request":
                    raise GoneError
                more, body = bool(message.get("more_body")), message.get("body", b"")
                for start in range(0, len(body) or 1, PIECE):
                    last = not more and start + PIECE >= len(body)
                    answers = await self._take(reading, body[start : start + PIECE], held, last=last)
                    if reading.ended or last:
                        more = False
                        break
                    if answers:
                        await send({"type": "http.response.body", "body": answers, "more_body": True})
                else:
                    continue
                await send({"type": "http.response.body", "body": answers})

    async def _take(self, reading: LineReader, piece: bytes, held: Held, *, last: bool) -> bytes:
        """The answers to the lines that a piece completes; what they take is held until the next piece."""
        lines = reading.cut(piece, last=last)
        if lines and reading.copies is not None:
            reading.copies.offer("", asking_of(reading.whose), [b"\n".join(lines)], reading.row)
        if not lines or are_few(lines):
            answers = reading.answer(lines)
        else:
            loop = asyncio.get_running_loop()
            answers = await loop.run_in_executor(self._pool, self._large.lines, reading, lines)
        if reading.endless:
            # without an end of line there is no next one
            return answers + reading.stop("too_long")
        try:
            held.grow(reading.waiting + len(answers))
        except RefusedError as refused:
            self._watch.reject(refused.reason)
            answers += reading.stop("too_much_held")
        return answers


def _reading(lines: PredictLines, head: Head, began: int) -> tuple[LineReader, LoadedArm | None]:
    """A reader with the version that answers the request to its end, and its arm if there are arms."""
    asking = Asking([], b"", head.kind, head.accept, b"", head.request_id, began, head.unit)
    steering = lines.served.steering
    if steering is None:
        return lines.reading(whose_of(asking)), None
    routed = steering.route(asking)
    reading = lines.reading(whose_of(routed.asking), routed.asking.slot)
    reading.copies = steering.copying(lines.label, routed.asking.unit)
    return reading, routed.arm
