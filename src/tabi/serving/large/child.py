"""The process that answers large requests: `python -m tabi.serving.large.child`, with its orders as JSON on stdin."""

from __future__ import annotations

import logging
import os
import select
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Lock, Thread
from typing import cast

from tabi.errors import BundleError, TabiError
from tabi.predictions import PredictionLog
from tabi.serving.codec import Codec
from tabi.serving.endpoints import Asking
from tabi.serving.large.orders import Orders
from tabi.serving.large.wire import Accepted, EndedError, Found, Task, hear, say, take
from tabi.serving.messages import Response
from tabi.serving.model import Model
from tabi.serving.ndjson import LineReader
from tabi.serving.problems import problem_of
from tabi.serving.recorder import Asked, Recorder
from tabi.serving.routes import codec_of, endpoint_of
from tabi.serving.settings import privacy_of
from tabi.serving.slot import Slot
from tabi.serving.telemetry.cells import Cells
from tabi.serving.telemetry.hooks import Counter

_log = logging.getLogger("tabi.serving")

# below that of the worker, whose small requests are not to wait for a large one
NICENESS = 10
# where memory ends, the system is to end this process and not the worker
BADNESS = 500


class Loaded:
    """The version that answers one request, as endpoints ask for it."""

    ready = True
    steering = None

    def __init__(self, slot: Slot) -> None:
        self.slot = slot


class LargeWorker:
    """Answers one large request after the other, each with the version that its worker names."""

    def __init__(self, orders: Orders) -> None:
        settings = orders.settings
        self._limits = settings.limits
        self._trust = settings.trust
        self._codec: Codec = codec_of(settings.limits)
        self.cells = Cells(orders.folder, orders.number)
        self._log = None if settings.log is None else PredictionLog(settings.log, orders.number)
        self._privacy = privacy_of(settings)
        self._lost = Counter(self.cells, "tabi_prediction_log_lost_total")
        self._told = 0
        self._told_of_log = settings.log_ready != "ready"
        self._slots: dict[tuple[str, str], Slot] = {}

    def run(self, line: socket.socket) -> None:
        """Answer until the worker ends."""
        while True:
            task = hear(line, Task)
            try:
                slot = self.slot_of(task)
            except Exception as error:  # noqa: BLE001  whatever it is, the worker has the version and answers itself
                say(line, Accepted(f"{type(error).__name__}: {error}"))
                continue
            say(line, Accepted())
            # as of the worker itself, nobody changes it
            response = self.answer(slot, task, cast(bytes, take(line, task.size)))
            say(line, self._found(slot, response))
            line.sendall(response.content)

    def slot_of(self, task: Task) -> Slot:
        """The version that a task names, loaded now if it was not."""
        key = (task.folder, task.version)
        slot = self._slots.pop(key, None)
        if slot is None:
            model = Model.open(Path(task.folder), self._trust)
            if model.version != task.version:
                raise BundleError(f"the bundle {task.folder} is another one by now")
            recorder = Recorder(model, self._log, self.cells, Lock(), self._privacy)
            slot = Slot(model, recorder, self._limits.rows)
        self._slots[key] = slot
        while len(self._slots) > max(task.most, 2):
            del self._slots[next(iter(self._slots))]
        return slot

    def answer(self, slot: Slot, task: Task, body: bytes) -> Response:
        """The answer to a task, whatever goes wrong."""
        try:
            if task.first is not None:
                whose = Asked(task.request_id, task.first, task.began, task.arm, task.unit)
                reader = LineReader(slot, self._codec, whose)
                return Response(reader.answer(bytes(body).split(b"\n")))
            endpoint = endpoint_of(task.label, Loaded(slot), self._codec, self._limits, task.asked)
            head = task.headers, task.query, task.kind, task.accept
            return endpoint.work(Asking(*head, body, task.request_id, task.began, task.unit, task.arm))
        except Exception as error:  # noqa: BLE001  as in the worker
            return problem_of(error, task.request_id)

    def settle(self, slot: Slot) -> list[str]:
        """Count what an answer left; what there is to tell."""
        slot.recorder.flush()
        problems = [self.cells.problem]
        if self._log is not None:
            self._lost.add(self._log.lost - self._told)
            self._told = self._log.lost
            problems += [self._log.problem] if self._told_of_log else []
        return [problem for problem in problems if problem is not None]

    def _found(self, slot: Slot, response: Response) -> Found:
        told = self.settle(slot)
        return Found(response.status, response.content_type, response.headers, len(response.content), told)


def _end_with(line: int) -> None:
    """End at once when the worker does, whatever is being done."""
    waiting = select.poll()
    waiting.register(line, 0)
    waiting.poll()
    os._exit(0)


def run_child(make: Callable[[Orders], LargeWorker]) -> None:
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
        make(orders).run(line)
    except (EndedError, OSError):
        # nobody is there to be told
        os._exit(0)
    except TabiError as error:
        _log.error("large requests cannot be answered: %s", error)
        sys.exit(1)


if __name__ == "__main__":
    run_child(LargeWorker)
