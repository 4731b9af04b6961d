"""A real server on a socket that answers, drops, cuts, hangs or drips, request by request as it is told."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Self

import pytest

from tests.serving.conftest import STOP_LIMIT_S

PROBLEM = "application/problem+json"
REPLY = {
    "label": "yes",
    "probability": 0.75,
    "threshold": 0.4,
    "model": "voyage",
    "version": "1" * 64,
    "request_id": "x",
    "warnings": [],
}


class Received(NamedTuple):
    """A request as it arrived. `connection` counts them from 1; `at` is the time on a clock."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    connection: int
    at: float


Deed = Callable[[asyncio.StreamWriter], Awaitable[None]]


def _head(status: int, length: int, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} Because", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, f"content-length: {length}", "", ""]).encode()


def answer(status: int = 200, content: Any = REPLY, **headers: str) -> Deed:
    """A whole answer; header names are written with _ for -."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def deed(writer: asyncio.StreamWriter) -> None:
        writer.write(_head(status, len(body), {"content-type": "application/json", **named}) + body)
        await writer.drain()

    return deed


def problem(status: int, **headers: str) -> Deed:
    """A problem document."""
    content = {"title": "Not so", "status": status, "detail": "it was told so", "request_id": "x"}
    return answer(status, content, content_type=PROBLEM, **headers)


async def drop(writer: asyncio.StreamWriter) -> None:
    """No answer: the connection is closed."""
    writer.close()


async def half(writer: asyncio.StreamWriter) -> None:
    """Half of a body, then the end of the connection."""
    writer.write(_head(200, 200, {"content-type": "application/json"}) + b'{"label":')
    await writer.drain()
    writer.close()


async def hang(_: asyncio.StreamWriter) -> None:
    """Nothing, for as long as the caller waits."""
    await asyncio.sleep(STOP_LIMIT_S)


async def drip(writer: asyncio.StreamWriter) -> None:
    """A byte now and then, without end."""
    writer.write(_head(200, 10**6, {"content-type": "application/json"}))
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)


class FaultyServer:
    """Does the next of `deeds` with each request, the last again and again."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.deeds: list[Deed] = [answer()]
        self._connections = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = self._in_loop(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        self._in_loop(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STOP_LIMIT_S)
        self._loop.close()

    def will(self, *deeds: Deed) -> None:
        """Set what is done with the next requests."""
        self.deeds = list(deeds)

    def _in_loop(self, what: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(STOP_LIMIT_S)

    async def _stop(self) -> None:
        self._server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        connection = self._connections
        try:
            while not writer.is_closing():
                self.received.append(await _read(reader, connection))
                await (self.deeds.pop(0) if len(self.deeds) > 1 else self.deeds[0])(writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            # the caller went away, or the test is over
            pass
        finally:
            writer.close()


async def _read(reader: asyncio.StreamReader, connection: int) -> Received:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(method, path, headers, body, connection, time.monotonic())


def free_url() -> str:
    """An address at which nobody listens."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def ids(received: list[Received]) -> set[str]:
    """The request ids that arrived."""
    found = {request.headers.get("x-request-id", "") for request in received}
    if "" in found:
        pytest.fail("a request came without its id")
    return found
