"""How the workers of one server share its connections: all wait at the same socket, and who has more lets the others.

The queue of a socket that is shared outlives every worker. But whichever process wakes first would take all that is
in it: of 32 clients that come at once, one of two workers was seen to get none to five. So each worker tells how many
connections it has, and one that has more than another waits a moment before it takes the next.
"""

from __future__ import annotations

import asyncio
import logging
import mmap
import socket
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

# how long a connection may wait for a worker that has fewer; that one may be busy, so it is not waited for longer
YIELD_SECONDS = 0.002
# connections more than the least busy worker: so many at least, and this share
SLACK = 2
SLACK_SHARE = 8
# taken in one turn of the loop at most
MOST = 16
# before another try where no more files may be open
FULL_SECONDS = 1.0
ABSENT = -1

_log = logging.getLogger("tabi.serving")


class Shares:
    """How many connections each worker has, in a file that all of them map. A worker that is not there has -1."""

    def __init__(self, folder: Path, workers: int) -> None:
        """`folder`: that the workers share. The first one here, the supervisor, makes the file."""
        path = folder / "connections"
        if not path.exists():
            path.write_bytes(np.full(workers, ABSENT, dtype=np.int64).tobytes())
        with path.open("r+b") as file:
            self._counts: npt.NDArray[np.int64] = np.frombuffer(mmap.mmap(file.fileno(), workers * 8), dtype=np.int64)

    def tell(self, worker: int, count: int) -> None:
        """A worker has so many connections now."""
        self._counts[worker] = count

    def may_take(self, count: int) -> bool:
        """Whether a worker with so many connections should take another, or let one that has fewer."""
        least = min((found for found in self._counts.tolist() if found != ABSENT), default=count)
        return bool(count <= least + SLACK + least // SLACK_SHARE)

    def gone(self, worker: int) -> None:
        """Nobody waits for a worker that is dead."""
        self._counts[worker] = ABSENT


class Acceptor:
    """Takes connections from one socket. It is closed as a server of the event loop is.

    `may_take`: asked before each, how many are open being its own matter.
    """

    def __init__(
        self, listener: socket.socket, factory: Callable[[], asyncio.Protocol], may_take: Callable[[], bool]
    ) -> None:
        self._listener = listener
        self._factory = factory
        self._may_take = may_take
        self._loop = asyncio.get_running_loop()
        self._beginning: set[asyncio.Task[None]] = set()
        self._resting: asyncio.TimerHandle | None = None
        listener.setblocking(False)
        self._loop.add_reader(listener, self._on_readable)

    @property
    def beginning(self) -> int:
        """Connections that were taken and are not among the open ones yet."""
        return len(self._beginning)

    def close(self) -> None:
        """Take no more."""
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None
        self._loop.remove_reader(self._listener)

    async def wait_closed(self) -> None:
        """Nothing is left to wait for."""

    def _on_readable(self) -> None:
        for _ in range(MOST):
            if not self._may_take():
                self._rest(YIELD_SECONDS)
                return
            if not self._take():
                return

    def _take(self) -> bool:
        """Take one connection; whether there may be another."""
        try:
            client, _ = self._listener.accept()
        except (BlockingIOError, InterruptedError):
            return False
        except ConnectionError:
            # its client has gone already
            return True
        except OSError as error:
            _log.error("connections cannot be taken (%s): allow more open files", error.strerror)
            self._rest(FULL_SECONDS)
            return False
        client.setblocking(False)
        task = self._loop.create_task(self._begin(client))
        self._beginning.add(task)
        task.add_done_callback(self._beginning.discard)
        return True

    async def _begin(self, client: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._factory, client)
        except OSError:
            client.close()

    def _rest(self, seconds: float) -> None:
        """Let the others take what waits. What they have not taken then is taken here, whoever has more."""
        self._loop.remove_reader(self._listener)
        self._resting = self._loop.call_later(seconds, self._go_on)

    def _go_on(self) -> None:
        self._resting = None
        self._loop.add_reader(self._listener, self._on_readable)
        self._take()
