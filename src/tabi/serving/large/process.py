"""A worker's side of its process of large requests: started with the first, and again if it dies."""

from __future__ import annotations

import logging
import socket
import sys
from collections import deque
from pathlib import Path
from time import monotonic

from tabi.serving.endpoints import Asking, Large
from tabi.serving.large.beside import Beside
from tabi.serving.large.orders import Orders
from tabi.serving.large.wire import Accepted, EndedError, Found, Task, give, hear, say, take
from tabi.serving.messages import Response
from tabi.serving.ndjson import LineReader
from tabi.serving.problems import RETRY, problem
from tabi.serving.recorder import Asked
from tabi.serving.settings import Settings
from tabi.serving.slot import Slot

# after a process that could not be started or ended before its first answer, until the next is tried
RETRY_SECONDS = 10.0
# for a process that was told to end
END_SECONDS = 2.0

# -P: a file of the folder that we happen to be in must not be taken for a module
PROGRAM = (sys.executable, "-P", "-m", "tabi.serving.large.child")

_GONE = (EndedError, OSError)
_log = logging.getLogger("tabi.serving")


class LargeRequests:
    """To be asked by one thread. Where no process can be had, that thread answers itself, at the others' cost.

    `problems`: what the process told last. `limits`: of the worker. `held`: versions that the worker holds.
    """

    def __init__(self, settings: Settings, folder: Path, number: int) -> None:
        self.problems: list[str] = []
        self.limits = settings.limits
        self.held = len(settings.refs)
        # beside the numbers of all workers
        self._orders = Orders(settings, folder, settings.workers + number)
        self._beside: Beside | None = None
        self._start_at = 0.0
        self._closed = False

    def answer(self, endpoint: Large, asking: Asking, body: deque[bytes]) -> Response:
        """Answer a request, of whose body nothing is left afterwards."""
        if not endpoint.served.ready:
            # it says so itself
            return endpoint.work(asking)
        slot = asking.slot or endpoint.served.slot
        task = task_of(endpoint.label, slot, asking, sum(map(len, body)), self.held, asked=endpoint.version)
        return self._ask(task, body) or endpoint.work(asking._replace(body=b"".join(body)))

    def lines(self, reader: LineReader, lines: list[bytes]) -> bytes:
        """The answers to lines; they are counted by their reader. `EndedError` if there are none."""
        body = b"\n".join(lines)
        task = task_of("", reader.slot, asking_of(reader.whose), len(body), self.held, first=reader.row)
        found = self._ask(task, deque([body]))
        if found is None:
            return reader.answer(lines)
        if found.status != 200:
            raise EndedError
        reader.row += len(lines)
        return found.content

    def close(self) -> None:
        """End the process."""
        self._closed = True
        self._drop()

    def _ask(self, task: Task, body: deque[bytes]) -> Response | None:
        """The answer of the process; None where there is none that could be asked."""
        line = self._line_that_took(task)
        if line is None:
            return None
        try:
            give(line, body)
            found = hear(line, Found)
            # nobody changes it
            content: bytes = take(line, found.size)  # type: ignore[assignment]
        except _GONE:
            code = self._drop()
            if not self._closed:
                _log.error("request %s: the process of large requests ended (%s)", task.request_id, code)
            return problem(503, "the request could not be answered: try again in a moment", task.request_id, *RETRY)
        self.problems = found.problems
        return Response(content, found.content_type, found.status, found.headers)

    def _line_that_took(self, task: Task) -> socket.socket | None:
        """The line to a process that lives and has the version of the task."""
        for _ in range(2):
            line = self._line()
            if line is None:
                return None
            try:
                say(line, task)
                accepted = hear(line, Accepted)
            except _GONE:
                # it died since its last answer, or it cannot start
                code = self._drop()
                if not self._closed:
                    _log.error("the process of large requests ended (%s)", code)
                continue
            if accepted.problem is not None:
                _log.error("the process of large requests cannot answer: %s", accepted.problem)
                return None
            return line
        self._start_at = monotonic() + RETRY_SECONDS
        return None

    def _line(self) -> socket.socket | None:
        """The line to the process, which is started if there is none."""
        beside = self._beside
        if beside is not None:
            return beside.line
        if self._closed or monotonic() < self._start_at:
            return None
        try:
            beside = self._beside = Beside.start(PROGRAM, self._orders)
        except OSError as error:
            self._start_at = monotonic() + RETRY_SECONDS
            _log.error("the process of large requests cannot be started: %s", error.strerror)
            return None
        return beside.line

    def _drop(self) -> int | None:
        """Let the process go, which ends with its line; its exit code."""
        beside, self._beside = self._beside, None
        return None if beside is None else beside.end(END_SECONDS)


def asking_of(whose: Asked) -> Asking:
    """A request of lines, without its body."""
    return Asking([], b"", b"", b"", b"", whose.request_id, whose.began, whose.unit, whose.arm)


def task_of(
    label: str, slot: Slot, asking: Asking, size: int, held: int, *, asked: str | None = None, first: int | None = None
) -> Task:
    """A request as it is sent to another process, without its body."""
    model = slot.model
    return Task(
        label,
        str(model.bundle.folder),
        model.version,
        asking.headers,
        asking.query,
        asking.kind,
        asking.accept,
        asking.request_id,
        asking.began,
        size,
        asking.arm,
        asking.unit,
        asked,
        first,
        held + 1,
    )
