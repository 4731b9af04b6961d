"""A load generator: one process, keep-alive connections, one request at a time on each.

Closed loop (default): a connection sends its next request when the answer to the last has come.
Fixed rate: request i is due at i / rate. It is sent then, or as soon as a connection is free, and its latency counts
from when it was due: a server that stalls cannot hide that by slowing its clients down.

    python -m tabi.bench.load URL --bodies FILE -c 32 -d 5     one JSON line: tabi.bench.tally.LoadResult
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from tabi.bench.answers import Head
from tabi.bench.connection import Connection
from tabi.bench.tally import Failure, LoadResult, Tally
from tabi.errors import ConfigError

# a server that refuses connections is asked again this often, not in a busy loop
RETRY_S = 0.01
# timers of event loops are as coarse as this: what is due sooner is waited for by going round the loop
TIMER_S = 0.002
_CAPACITY = 1 << 20
_never = float("inf")
_clock = time.perf_counter


@dataclass(frozen=True)
class Plan:
    """What to send where, and for how long.

    `bodies` are sent in turns. `seconds` and `count` bound the run after `warm_up` seconds, whichever is reached
    first. `rate`: requests a second, None for the closed loop. `grace`: how long an answer is waited for when nothing
    else happens. `sample_every`: keep each n-th answer, 0 for none, at most `max_samples`.
    """

    url: str
    bodies: Sequence[bytes]
    connections: int = 32
    seconds: float | None = 5.0
    count: int | None = None
    rate: float | None = None
    warm_up: float = 1.0
    grace: float = 30.0
    content_type: str = "application/json"
    sample_every: int = 0
    max_samples: int = 1000

    def __post_init__(self) -> None:
        if not self.bodies:
            raise ConfigError("there is no body to send: give at least one")
        if self.connections < 1:
            raise ConfigError(f"{self.connections} connections cannot send anything: give at least 1")
        if self.seconds is None and self.count is None:
            raise ConfigError("a run needs an end: give seconds or a count")
        if self.rate is not None and self.rate <= 0:
            raise ConfigError("the rate must be above 0")
        if urlsplit(self.url).scheme != "http" or urlsplit(self.url).hostname is None:
            raise ConfigError(f"{self.url} is not an http:// URL")


def run_load(plan: Plan) -> LoadResult:
    """Run the plan in an event loop of its own, uvloop's where it is installed."""
    return _runner()(drive(plan))


async def drive(plan: Plan) -> LoadResult:
    """Run the plan in this event loop."""
    return await _Run(plan).result()


def _runner() -> Callable[[Coroutine[Any, Any, LoadResult]], LoadResult]:
    try:
        import uvloop
    except ImportError:
        return asyncio.run
    run: Callable[[Coroutine[Any, Any, LoadResult]], LoadResult] = uvloop.run
    return run


def requests_of(plan: Plan) -> list[bytes]:
    """The whole request for each body, made once."""
    url = urlsplit(plan.url)
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    head = f"POST {path} HTTP/1.1\r\nhost: {url.netloc}\r\ncontent-type: {plan.content_type}\r\ncontent-length: "
    return [head.encode() + str(len(body)).encode() + b"\r\n\r\n" + body for body in plan.bodies]


class _Run:
    """Hands requests to connections and hears what became of them.

    A lane is one of the plan's connections over its whole life, however often it has to connect anew.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.requests = requests_of(plan)
        url = urlsplit(plan.url)
        self._address = url.hostname or "", url.port or 80
        self._tally = Tally(plan.count or _CAPACITY, plan.sample_every, plan.max_samples)
        self._sent = 0
        self._left = plan.count if plan.count is not None else -1
        self._lanes = plan.connections
        self._connects = 0
        self._connections: set[Connection] = set()
        self._connecting: set[asyncio.Task[None]] = set()
        self._idle: list[Connection | None] = []
        self._waiting = False
        self._over = asyncio.Event()
        self._begin = self._opens = self._closes = 0.0
        # a closed loop with a time limit counts what is answered inside the window, the rest what is begun in it
        self._by_end = plan.rate is None and plan.count is None

    async def result(self) -> LoadResult:
        """Run to the end; the figures."""
        plan, cpu = self._plan, time.process_time()
        self._begin = _clock()
        self._opens = self._begin + plan.warm_up
        self._closes = self._opens + plan.seconds if plan.seconds is not None else _never
        for _ in range(plan.connections):
            self._next(None)
        await self._wait()
        end = _clock()
        seconds = (self._closes if plan.count is None else end) - self._opens
        return self._tally.result(
            seconds=seconds,
            sent=self._sent,
            reconnects=max(self._connects - plan.connections, 0),
            cpu=time.process_time() - cpu,
            wall=end - self._begin,
        )

    def answered(self, connection: Connection, head: Head, data: bytes | bytearray) -> None:
        """An answer has come whole."""
        now, begun = _clock(), connection.begun
        status = head.status
        if 200 <= status < 300:
            stamp = now if self._by_end else begun
            self._tally.good(now - begun, self._opens <= stamp < self._closes)
        else:
            self._tally.statuses[status] += 1
        self._tally.sample(connection.body, status, data[head.body : head.end])
        self._next(connection if connection.open else None)

    def failed(self, connection: Connection, failure: Failure) -> None:
        """The connection ended before its answer did."""
        self._connections.discard(connection)
        self._tally.failures[failure] += 1
        self._next(None)

    def gone(self, connection: Connection) -> None:
        """A server may close a connection that it has answered: the lane connects anew when it has a request."""
        self._connections.discard(connection)
        if connection in self._idle:
            self._idle[self._idle.index(connection)] = None

    def _next(self, connection: Connection | None) -> None:
        """Give a lane its next request; let it wait for the time that one is due; or end it."""
        now = _clock()
        rate = self._plan.rate
        due = now if rate is None else self._begin + self._sent / rate
        if due >= self._closes or self._left == 0:
            self._end_lane(connection)
        elif due > now:
            self._idle.append(connection)
            self._wait_until(due)
        else:
            self._send(connection, due)

    def _send(self, connection: Connection | None, begun: float) -> None:
        if self._left > 0 and begun >= self._opens:
            self._left -= 1
        body = self._sent % len(self.requests)
        self._sent += 1
        if connection is None:
            task = asyncio.ensure_future(self._connect(body, begun))
            self._connecting.add(task)
        else:
            connection.send(self.requests[body], body, begun)

    def _wait_until(self, due: float) -> None:
        if not self._waiting:
            self._waiting = True
            loop, ahead = asyncio.get_running_loop(), due - _clock()
            if ahead > TIMER_S:
                loop.call_later(ahead - TIMER_S, self._wake)
            else:
                loop.call_soon(self._wake)

    def _wake(self) -> None:
        self._waiting = False
        while self._idle and not self._waiting:
            connection = self._idle.pop()
            self._next(connection if connection is not None and connection.open else None)

    def _end_lane(self, connection: Connection | None) -> None:
        if connection is not None:
            connection.leave()
        self._lanes -= 1
        if self._lanes == 0:
            self._over.set()

    async def _connect(self, body: int, begun: float) -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        self._connects += 1
        try:
            _, connection = await loop.create_connection(lambda: Connection(self), *self._address)
        except OSError:
            self._connecting.remove(task)  # type: ignore[arg-type]  # this is it
            self._tally.failures["connect"] += 1
            await asyncio.sleep(RETRY_S)
            self._next(None)
            return
        self._connecting.remove(task)  # type: ignore[arg-type]
        if connection.open:
            self._connections.add(connection)
            connection.send(self.requests[body], body, begun)
        else:
            self.failed(connection, "dropped")

    async def _wait(self) -> None:
        """Until every lane has ended. What is still without an answer when nothing happens any more has none."""
        while not self._over.is_set():
            before = self._tally.ended
            try:
                await asyncio.wait_for(self._over.wait(), self._plan.grace)
            except TimeoutError:
                if self._tally.ended == before:
                    self._give_up()
                    break

    def _give_up(self) -> None:
        """Count what was begun, and at a fixed rate what was due, as never answered."""
        unsent = self._due() - self._sent
        self._sent += unsent
        self._left = 0
        busy = [connection for connection in self._connections if connection.busy]
        self._tally.failures["no_answer"] += unsent + len(busy) + len(self._connecting)
        for task in self._connecting:
            task.cancel()
        for connection in busy:
            connection.busy = False
            connection.leave()

    def _due(self) -> int:
        """Requests that should have been begun by now; in the closed loop, those that were."""
        if self._plan.rate is None:
            return self._sent
        if self._left >= 0:
            return self._sent + self._left
        return max(ceil((self._closes - self._begin) * self._plan.rate), self._sent)


def main() -> None:
    """`python -m tabi.bench.load`."""
    parser = argparse.ArgumentParser(prog="python -m tabi.bench.load", description="Load one URL with POST requests.")
    parser.add_argument("url")
    parser.add_argument("--bodies", type=Path, required=True, help="a file with one body a line")
    parser.add_argument("-c", "--connections", type=int, default=32)
    parser.add_argument("-d", "--seconds", type=float, help="how long, 5 where no --count is given")
    parser.add_argument("-n", "--count", type=int, help="how many requests after the warm-up")
    parser.add_argument("--rate", type=float, help="requests a second; without it each connection sends when answered")
    parser.add_argument("--warm-up", type=float, default=1.0, help="seconds that do not count")
    parser.add_argument("--grace", type=float, default=30.0, help="seconds to wait for an answer")
    parser.add_argument("--content-type", default="application/json", help="what the bodies are")
    parser.add_argument("--sample-every", type=int, default=0, help="keep each n-th answer in the result")
    parser.add_argument("--core", type=int, help="run on this core alone")
    given = vars(parser.parse_args())
    core, path = given.pop("core"), given.pop("bodies")
    if core is not None:
        os.sched_setaffinity(0, {core})
    if given["seconds"] is None and given["count"] is None:
        given["seconds"] = 5.0
    try:
        plan = Plan(bodies=path.read_bytes().splitlines(), **given)
    except (OSError, ConfigError) as error:
        parser.error(str(error))
    # with PYTHONUNBUFFERED, print would drop what a pipe does not take at once
    with open(sys.stdout.fileno(), "wb", closefd=False) as out:
        out.write(msgspec.json.encode(run_load(plan)) + b"\n")


if __name__ == "__main__":
    main()
