"""Copies of requests for the challenger of a shadow policy: a queue with an end, and a process of its own.

A request's thread puts its copy into the queue, or counts that it was dropped, and never waits. A thread of the worker
takes all that came in some milliseconds and sends it; the process answers, logs and counts. Whatever happens there, a
challenger that is slow, hangs, fails or is killed for its memory, only copies are lost.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event, Lock, Thread
from time import monotonic, sleep

from tabi.serving.endpoints import Asking
from tabi.serving.large.orders import Orders
from tabi.serving.large.wire import EndedError, Task
from tabi.serving.settings import Settings
from tabi.serving.steering.shadow_process import HOLD, Copy, Count, ShadowProcess, count_all
from tabi.serving.telemetry.cells import Cells

# copies that wait or are being sent
MOST_COPIES = 1024
MOST_BYTES = 16 << 20
# a body that is larger is not copied
LARGEST = 1 << 20
# between two sendings: a thread that woke for each copy would take turns with the event loop
GATHER_SECONDS = 0.005
RETRY_SECONDS = 5.0
# for the thread, once all is over
END_SECONDS = 2.0

_METRIC = "tabi_shadow_copies_total"
_log = logging.getLogger("tabi.serving")


class Shadows:
    """The shadow process of a worker, started with the first policy that asks for it.

    `problems`: what it told last, or what became of it.
    """

    def __init__(self, settings: Settings, folder: Path, number: int, cells: Cells) -> None:
        # beside the numbers of all workers and of their processes of large requests
        self._orders = Orders(settings, folder, 2 * settings.workers + number)
        self._cells = cells
        self._queue: deque[Copy] = deque()
        self._copies = self._bytes = 0
        self._filling = Lock()
        self._come = Event()
        self._closed = False
        self._thread: Thread | None = None
        self._process: ShadowProcess | None = None
        self._start_at = 0.0
        self._held: dict[str, Copy] = {}
        self.problems: list[str] = []

    def to(self, name: str, folder: Path, version: str) -> Challenger:
        """Where copies for a challenger are taken; its process is started, so that its fault shows before a request."""
        task = Task(HOLD, str(folder), version, [], b"", b"", b"", "", 0, 0)
        hold = self._held[name] = Copy(_counting(self._cells, name, version), task, b"")
        if self._thread is None:
            self._thread = Thread(target=self._run, name="shadow", daemon=True)
            self._thread.start()
        self._put(hold)
        return Challenger(self._put, hold)

    def release(self, name: str) -> None:
        """A model's policy asks for no shadow any more."""
        self._held.pop(name, None)

    def close(self) -> None:
        """End the process; copies that wait are lost."""
        self._closed = True
        self._come.set()
        process = self._process
        if process is not None:
            process.hang_up()
        if self._thread is not None:
            self._thread.join(END_SECONDS)

    def _put(self, copy: Copy) -> None:
        with self._filling:
            if self._copies >= MOST_COPIES or self._bytes + len(copy.body) > MOST_BYTES:
                copy.tell("full")
                return
            self._queue.append(copy)
            self._copies += 1
            self._bytes += len(copy.body)
        if not self._come.is_set():
            self._come.set()

    def _take(self) -> deque[Copy]:
        with self._filling:
            found = self._queue
            self._queue = deque()
            self._come.clear()
        return found

    def _run(self) -> None:
        try:
            while not self._closed:
                self._come.wait(1.0)
                sleep(GATHER_SECONDS)
                found = self._take()
                copies, size = len(found), sum(len(copy.body) for copy in found)
                self._serve(found)
                with self._filling:
                    self._copies -= copies
                    self._bytes -= size
        finally:
            self._drop()

    def _serve(self, found: deque[Copy]) -> None:
        if not self._held:
            # no policy asks for it any more
            self._drop()
            self.problems = []
            return
        try:
            process = self._process or self._start()
            if process is None:
                count_all(found, "down")
                return
            process.send(found)
            process.listen()
            self.problems = process.problems
        except (OSError, EndedError) as error:
            if not self._closed:
                count_all(found, "down")
                self._failed(error)

    def _start(self) -> ShadowProcess | None:
        if self._closed or monotonic() < self._start_at:
            return None
        process = self._process = ShadowProcess(self._orders)
        process.send(deque(self._held.values()))
        return process

    def _failed(self, error: Exception) -> None:
        hangs = isinstance(error, TimeoutError)
        code = self._drop()
        what = "cannot be started" if code is None else "hung and was ended" if hangs else f"ended ({code})"
        self.problems = [f"the shadow process {what}"]
        self._start_at = monotonic() + RETRY_SECONDS
        _log.error("%s: %s", self.problems[0], type(error).__name__)

    def _drop(self) -> int | None:
        process, self._process = self._process, None
        return None if process is None else process.end()


class Challenger:
    """Takes copies for one challenger."""

    def __init__(self, put: Callable[[Copy], None], hold: Copy) -> None:
        self._put = put
        self._count = hold.tell
        self._folder, self._version = hold.task.folder, hold.task.version

    def offer(self, label: str, asking: Asking, parts: Sequence[bytes], first: int | None = None) -> None:
        """Take a copy, or count that it was dropped."""
        if sum(map(len, parts)) > LARGEST:
            self._count("large")
            return
        body = b"".join(parts)
        task = Task(
            label, self._folder, self._version, asking.headers, asking.query, asking.kind, asking.accept,
            asking.request_id, asking.began, len(body), "shadow", asking.unit or asking.request_id, None, first,
        )  # fmt: skip
        self._put(Copy(self._count, task, body))


def _counting(cells: Cells, name: str, version: str) -> Count:
    """Counts copies of one challenger by what became of them."""
    labels = {"model": name, "version": version}

    def count(outcome: str) -> None:
        cells.array(_METRIC, {**labels, "outcome": outcome}, 1)[0] += 1

    return count
