"""One thread writes all feedback of a worker: what comes while it flushes is flushed together the next time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import NamedTuple

from tabi.errors import StoreError
from tabi.predictions import FeedbackLine, FeedbackLog

Taken = list[bool]
"""Of each line whether it was new."""

_log = logging.getLogger("tabi.serving")


class _Waiting(NamedTuple):
    lines: Sequence[FeedbackLine]
    taken: Future[Taken]


class Writer:
    """Appends to a log of feedback beside the event loop. `problem`: why the last try failed, None if it did not."""

    def __init__(self, log: FeedbackLog) -> None:
        self.problem: str | None = None
        self._log = log
        self._lock = Lock()
        self._waiting: list[_Waiting] = []
        self._probing = False
        self._thread = ThreadPoolExecutor(1, "feedback")

    def write(self, lines: Sequence[FeedbackLine]) -> Future[Taken]:
        """Whether each line was new, once all that are new are on the disk; else the `StoreError`."""
        taken: Future[Taken] = Future()
        with self._lock:
            self._waiting.append(_Waiting(lines, taken))
            first = len(self._waiting) == 1
        if first:
            self._thread.submit(self._work)
        return taken

    def tell(self, lines: Sequence[FeedbackLine], told: Callable[[Future[Taken]], None]) -> None:
        """As `write`; `told` is called on the event loop that runs now."""
        loop = asyncio.get_running_loop()
        self.write(lines).add_done_callback(lambda taken: loop.call_soon_threadsafe(told, taken))

    def probe(self) -> None:
        """Where the last try failed, see beside the event loop whether one would now."""
        if self.problem is not None and not self._probing:
            self._probing = True
            self._thread.submit(self._probe)

    def close(self) -> None:
        """Write what waits, and end the thread."""
        self._thread.shutdown()

    def _work(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, []
        try:
            new = iter(self._log.append([line for each in waiting for line in each.lines]))
        except Exception as error:  # noqa: BLE001  whoever waits is told
            self._fail(error)
            for each in waiting:
                each.taken.set_exception(error)
            return
        self.problem = None
        for each in waiting:
            each.taken.set_result([next(new) for _ in each.lines])

    def _probe(self) -> None:
        try:
            self._log.probe()
        except OSError:
            # it was told when it began
            return
        finally:
            self._probing = False
        self.problem = None

    def _fail(self, error: Exception) -> None:
        unexpected = None if isinstance(error, StoreError) else error
        if self.problem is None:
            _log.error("%s", error if unexpected is None else "feedback cannot be written", exc_info=unexpected)
        self.problem = "feedback cannot be written: make its folder writable or free space on its disk"
