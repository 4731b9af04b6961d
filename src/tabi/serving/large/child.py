"""The process that answers large requests: `python -m tabi.serving.large.child`, with its orders as JSON on stdin."""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from threading import Lock, Thread
from typing import cast

from tabi.errors import BundleError
from tabi.predictions import PredictionLog
from tabi.serving.codec import Codec
from tabi.serving.endpoints import Asking
from tabi.serving.large.orders import Orders
from tabi.serving.large.wire import Accepted, EndedError, Found, Task, hear, say, take
from tabi.serving.messages import Response
from tabi.serving.model import Model
from tabi.serving.ndjson import LineReader
from tabi.serving.problems import problem_of
from tabi.serving.recorder import Recorder
from tabi.serving.routes import codec_of, endpoint_of
from tabi.serving.settings import privacy_of
from tabi.serving.slot import Slot
from tabi.serving.telemetry.cells import Cells
from tabi.serving.telemetry.hooks import Counter

# below that of the worker, whose small requests are not to wait for a large one
NICENESS = 10
# where memory ends, the system is to end this process and not the worker
BADNESS = 500


class Loaded:
    """The version that answers one request, as endpoints ask for it."""

    ready = True

    def __init__(self, slot: Slot) -> None:
        self.slot = slot


class LargeWorker:
    """Answers one large request after the other, each with the version that its worker names."""

    def __init__(self, orders: Orders) -> None:
        settings = orders.settings
        self._limits = settings.limits
        self._trust = settings.trust
        self._codec: Codec = codec_of(settings.limits)
        self._cells = Cells(orders.folder, orders.number)
        self._log = None if settings.log is None else PredictionLog(settings.log, orders.number)
        self._privacy = privacy_of(settings)
        self._lost = Counter(self._cells, "tabi_prediction_log_lost_total")
        self._told = 0
        # of each model the version that answers, and one more while an older request ends
        self._most = len(settings.refs) + 1
        self._slots: dict[tuple[str, str], Slot] = {}

    def run(self, line: socket.socket) -> None:
        """Answer until the worker ends."""
        while True:
            task = hear(line, Task)
            try:
                slot = self._slot(task)
            except Exception as error:  # noqa: BLE001  whatever it is, the worker has the version and answers itself
                say(line, Accepted(f"{type(error).__name__}: {error}"))
                continue
            say(line, Accepted())
            # as of the worker itself, nobody changes it
            response = self._answer(slot, task, cast(bytes, take(line, task.size)))
            say(line, self._found(slot, response))
            line.sendall(response.content)

    def _slot(self, task: Task) -> Slot:
        key = (task.folder, task.version)
        slot = self._slots.pop(key, None)
        if slot is None:
            model = Model.open(Path(task.folder), self._trust)
            if model.version != task.version:
                raise BundleError(f"the bundle {task.folder} is another one by now")
            recorder = Recorder(model, self._log, self._cells, Lock(), self._privacy)
            slot = Slot(model, recorder, self._limits.rows)
        self._slots[key] = slot
        while len(self._slots) > self._most:
            del self._slots[next(iter(self._slots))]
        return slot

    def _answer(self, slot: Slot, task: Task, body: bytes) -> Response:
        try:
            if task.first is not None:
                reader = LineReader(slot, self._codec, task.request_id, task.began, task.first)
                return Response(reader.answer(bytes(body).split(b"\n")))
            endpoint = endpoint_of(task.label, Loaded(slot), self._codec, self._limits, task.asked)
            return endpoint.work(
                Asking(task.headers, task.query, task.kind, task.accept, body, task.request_id, task.began)
            )
        except Exception as error:  # noqa: BLE001  as in the worker
            return problem_of(error, task.request_id)

    def _found(self, slot: Slot, response: Response) -> Found:
        slot.recorder.flush()
        problems = [self._cells.problem]
        if self._log is not None:
            self._lost.add(self._log.lost - self._told)
            self._told = self._log.lost
            problems.append(self._log.problem)
        told = [problem for problem in problems if problem is not None]
        return Found(response.status, response.content_type, response.headers, len(response.content), told)


def _end_with(line: int) -> None:
    """End at once when the worker does, whatever is being done."""
    waiting = select.poll()
    waiting.register(line, 0)
    waiting.poll()
    os._exit(0)


def main() -> None:
    """Answer until the worker ends."""
    os.nice(NICENESS)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(BADNESS), encoding="utf-8")
    # whoever ends a whole group or container lets the worker finish what it does
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    orders = Orders.from_json(sys.stdin.buffer.read())
    from tabi.serving.telemetry.logs import log_to_stdout

    log_to_stdout()
    line = socket.socket(fileno=orders.line)
    Thread(target=_end_with, args=(orders.line,), daemon=True).start()
    try:
        LargeWorker(orders).run(line)
    except (EndedError, OSError):
        # nobody is there to be told
        os._exit(0)


if __name__ == "__main__":
    main()
