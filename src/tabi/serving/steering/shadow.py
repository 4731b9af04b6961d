"""Copies of requests for the challenger of a shadow policy: a queue with an end, and a process of its own.

A request's thread puts its copy into the queue, or counts that it was dropped, and never waits. A thread of the worker
takes all that came in some milliseconds and sends it; the process answers, logs and counts. Whatever happens there, a
challenger that is slow, fails or is killed for its memory, only copies are lost.
"""

from __future__ import annotations

import logging
import select
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event, Lock, Thread
from time import monotonic, sleep

import msgspec

from tabi.serving.endpoints import Asking
from tabi.serving.large.orders import Orders
from tabi.serving.large.wire import EndedError, Task, hear, packed
from tabi.serving.settings import Settings
from tabi.serving.telemetry.cells import Cells

MOST_COPIES = 1024
MOST_BYTES = 16 << 20
# a body that is larger is not copied
LARGEST = 1 << 20
# between two sendings: a thread that woke for each copy would take turns with the event loop
GATHER_SECONDS = 0.005
# until a process that takes nothing is ended
STALLED_SECONDS = 20.0
RETRY_SECONDS = 5.0
END_SECONDS = 2.0

PROGRAM = (sys.executable, "-P", "-m", "tabi.serving.steering.shadow_child")
HOLD = "hold"
"""The label of a message that only names the version to be loaded."""

_METRIC = "tabi_shadow_copies_total"
_log = logging.getLogger("tabi.serving")


class ShadowState(msgspec.Struct, frozen=True):
    """What the process tells: what is wrong with the challengers that it was named."""

    problems: list[str]


class Shadows:
    """The shadow process of a worker, started with the first policy that asks for it. `problems`: what it told last."""

    def __init__(self, settings: Settings, folder: Path, number: int, cells: Cells) -> None:
        # beside the numbers of all workers and of their processes of large requests
        self._orders = Orders(settings, folder, 2 * settings.workers + number, 0)
        self._cells = cells
        self._queue: deque[tuple[_Counts, Task, bytes]] = deque()
        self._bytes = 0
        self._filling = Lock()
        self._come = Event()
        self._closed = False
        self._thread: Thread | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None
        self._start_at = 0.0
        self._held: dict[str, Task] = {}
        self.problems: list[str] = []

    def to(self, name: str, folder: Path, version: str) -> Challenger:
        """Where copies for a challenger are taken; its process is started, so that its fault shows before a request."""
        hold = Task(HOLD, str(folder), version, [], b"", b"", b"", "", 0, 0)
        self._held[name] = hold
        if self._thread is None:
            self._thread = Thread(target=self._run, name="shadow", daemon=True)
            self._thread.start()
        counts = _Counts(self._cells, name, version)
        self._put(counts, hold, b"")
        return Challenger(self._put, counts, hold)

    def release(self, name: str) -> None:
        """A model's policy asks for no shadow any more."""
        self._held.pop(name, None)

    def close(self) -> None:
        """End the process; copies that wait are lost."""
        self._closed = True
        self._come.set()
        line = self._line
        if line is not None:
            # a thread that sends is told
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
        if self._thread is not None:
            self._thread.join(END_SECONDS)

    def _put(self, counts: _Counts, task: Task, body: bytes) -> None:
        with self._filling:
            if len(self._queue) >= MOST_COPIES or self._bytes + len(body) > MOST_BYTES:
                counts.add("full")
                return
            self._queue.append((counts, task, body))
            self._bytes += len(body)
        if not self._come.is_set():
            self._come.set()

    def _take(self) -> list[tuple[_Counts, Task, bytes]]:
        with self._filling:
            found, self._bytes = list(self._queue), 0
            self._queue.clear()
            self._come.clear()
        return found

    def _run(self) -> None:
        try:
            while not self._closed:
                self._come.wait(1.0)
                sleep(GATHER_SECONDS)
                self._serve(self._take())
        finally:
            self._drop()

    def _serve(self, found: list[tuple[_Counts, Task, bytes]]) -> None:
        if not self._held:
            # no policy asks for it any more
            self._drop()
            self.problems = []
            return
        try:
            line = self._line or self._start()
            if line is None:
                _count(found, "down")
                return
            if found:
                self._send(line, found)
            self._listen(line)
        except (OSError, EndedError) as error:
            if not self._closed:
                _count(found, "down")
                self.problems = [f"the shadow process ended ({self._drop()})"]
                self._start_at = monotonic() + RETRY_SECONDS
                _log.error("%s: %s", self.problems[0], type(error).__name__)

    def _send(self, line: socket.socket, found: list[tuple[_Counts, Task, bytes]]) -> None:
        line.sendall(b"".join(part for _, task, body in found for part in (packed(task), body)))
        _count(found, "sent")

    def _listen(self, line: socket.socket) -> None:
        while select.select([line], [], [], 0)[0]:
            self.problems = hear(line, ShadowState).problems

    def _start(self) -> socket.socket | None:
        if self._closed or monotonic() < self._start_at:
            return None
        ours, theirs = socket.socketpair()
        ours.settimeout(STALLED_SECONDS)
        orders = msgspec.structs.replace(self._orders, line=theirs.fileno())
        with theirs:
            # a group of its own, as of every process of a worker
            self._process = subprocess.Popen(
                PROGRAM, stdin=subprocess.PIPE, pass_fds=(theirs.fileno(),), process_group=0
            )
        assert self._process.stdin is not None  # noqa: S101  narrows the type that PIPE fixes
        with suppress(BrokenPipeError), self._process.stdin:
            self._process.stdin.write(orders.to_json())
        self._line = ours
        ours.sendall(b"".join(packed(hold) for hold in self._held.values()))
        return ours

    def _drop(self) -> int | None:
        line, process = self._line, self._process
        self._line = self._process = None
        if line is not None:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
            line.close()
        if process is None:
            return None
        process.kill()
        return process.wait()


Put = Callable[["_Counts", Task, bytes], None]


class Challenger:
    """Takes copies for one challenger."""

    def __init__(self, put: Put, counts: _Counts, hold: Task) -> None:
        self._put = put
        self._counts = counts
        self._folder, self._version = hold.folder, hold.version

    def offer(self, label: str, asking: Asking, parts: Sequence[bytes], first: int | None = None) -> None:
        """Take a copy, or count that it was dropped."""
        if sum(map(len, parts)) > LARGEST:
            self._counts.add("large")
            return
        body = b"".join(parts)
        task = Task(
            label, self._folder, self._version, asking.headers, asking.query, asking.kind, asking.accept,
            asking.request_id, asking.began, len(body), "shadow", asking.unit or asking.request_id, None, first,
        )  # fmt: skip
        self._put(self._counts, task, body)


class _Counts:
    """Copies of one challenger by what became of them."""

    def __init__(self, cells: Cells, name: str, version: str) -> None:
        self._cells = cells
        self._labels = {"model": name, "version": version}

    def add(self, outcome: str) -> None:
        """One more."""
        self._cells.array(_METRIC, {**self._labels, "outcome": outcome}, 1)[0] += 1


def _count(found: list[tuple[_Counts, Task, bytes]], outcome: str) -> None:
    for counts, task, _ in found:
        if task.label != HOLD:
            counts.add(outcome)
