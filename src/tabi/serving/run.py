"""Run one worker's server until it is told to stop, and then stop it clean."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import FrameType
from typing import TYPE_CHECKING, cast

import uvicorn

from tabi.serving.accepting import Acceptor, Shares
from tabi.serving.http.connection import Connection
from tabi.serving.scheduling import ask_for_short_turns
from tabi.serving.telemetry.logs import log_to_stdout
from tabi.serving.worker import Worker

if TYPE_CHECKING:
    from tabi.serving.protocols.grpc.server import Running

# between two looks at what clients do
CHECK_SECONDS = 1.0
# how long clients may take to ask once more, by a connection that they keep, before it is closed
SEND_ON_SECONDS = 1.0
LOOK_SECONDS = 0.02
# how long a thread that builds a model or answers a large request may keep the event loop waiting
SWITCH_SECONDS = 0.00005


def run_worker(
    worker: Worker,
    sockets: Sequence[socket.socket],
    ready: Callable[[], None],
    parent: int | None = None,
    shares: Shares | None = None,
) -> None:
    """Answer until SIGTERM or SIGINT, or until `parent`, a pipe's end, is closed by the death of who holds the other.

    Then what is in flight is finished within the grace period. `ready` is called once requests are answered.
    `shares`: of the connections, where other workers listen at the same sockets.
    """
    settings = worker.settings
    config = uvicorn.Config(
        worker.door,
        http=Connection,
        interface="asgi3",
        lifespan="off",
        ws="none",
        proxy_headers=False,
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=max(1, round(settings.limits.grace)),
    )
    log_to_stdout()
    sys.setswitchinterval(SWITCH_SECONDS)
    ask_for_short_turns()
    # what is there now stays: looking at it in every collection would only take time
    gc.collect()
    gc.freeze()
    try:
        _Server(config, worker, ready, parent, shares).run(sockets=list(sockets))
    finally:
        worker.close()


class _Server(uvicorn.Server):
    """The web server with the worker's own rounds beside it."""

    def __init__(
        self,
        config: uvicorn.Config,
        worker: Worker,
        ready: Callable[[], None],
        parent: int | None,
        shares: Shares | None,
    ) -> None:
        super().__init__(config)
        self._worker = worker
        self._ready = ready
        self._parent = parent
        self._shares = shares
        self._acceptors: list[Acceptor] = []
        # a thread of its own: others may all be waiting, for this one of another worker
        self._following = ThreadPoolExecutor(1, "follow")
        self._rounds: list[asyncio.Task[None]] = []
        self._grpc: Running | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Take connections; only now are signals handled: whoever is told earlier might stop us the hard way."""
        await super().startup(sockets if self._shares is None else [])
        self._share(sockets or [])
        loop = asyncio.get_running_loop()
        if self._parent is not None:
            loop.add_reader(self._parent, self._stop)
        await self._start_grpc()
        self._rounds = [loop.create_task(self._follow()), loop.create_task(self._check())]
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish what is in flight."""
        if self._worker.settings.handover:
            await self._send_on()
        for each in self._rounds:
            each.cancel()
        stopping = self._grpc.stop(self._worker.settings.limits.grace) if self._grpc is not None else None
        await super().shutdown(sockets)
        if stopping is not None:
            await stopping
        await asyncio.to_thread(self._following.shutdown)

    async def _send_on(self) -> None:
        """Another server has the port too: tell clients with their next answers to come anew, which then leads there.

        A connection that is closed while nobody asks may just be asked by then, and its client would get no answer.
        """
        for server in self.servers:
            server.close()
        self._worker.door.closing = True
        end = asyncio.get_running_loop().time() + SEND_ON_SECONDS
        while self.server_state.connections and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(LOOK_SECONDS)

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second."""
        self._tell_share()
        return await super().on_tick(counter)

    def _share(self, sockets: list[socket.socket]) -> None:
        """Take this worker's share of the connections."""
        if self._shares is not None:
            self._acceptors = [Acceptor(each, self._connection, self._may_take) for each in sockets]
            # they are closed alike
            self.servers = list(self._acceptors)  # type: ignore[arg-type]

    def _connection(self) -> Connection:
        return Connection(self.config, self.server_state, self.lifespan.state)

    def _tell_share(self) -> int:
        count = len(self.server_state.connections) + sum(each.beginning for each in self._acceptors)
        if self._shares is not None:
            self._shares.tell(self._worker.number, count)
        return count

    def _may_take(self) -> bool:
        return self._shares is None or self._shares.may_take(self._tell_share())

    async def _start_grpc(self) -> None:
        settings = self._worker.settings
        if settings.grpc_port is not None:
            from tabi.serving.protocols.grpc import start

            models = self._worker.models
            decide = lambda name, version, call: self._worker.decider(name, version, *call)  # noqa: E731
            ready = lambda: models.readiness().status != "not_ready"  # noqa: E731
            self._grpc = await start(decide, ready, f"{settings.host}:{settings.grpc_port}")
            self._worker.grpc_port = self._grpc.port

    async def _follow(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._worker.settings.poll)
            await loop.run_in_executor(self._following, self._worker.follow)

    async def _check(self) -> None:
        """Close the connections of clients that take too long."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            now = loop.time()
            for connection in list(self.server_state.connections):
                cast(Connection, connection).check(now)

    def _stop(self) -> None:
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Uvicorn raises the signal anew once it has stopped, so that a clean stop would look like a crash."""

        def stop(_number: int, _frame: FrameType | None) -> None:
            self.should_exit = True

        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
