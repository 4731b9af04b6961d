"""The process that answers copies: `python -m tabi.serving.steering.shadow_child`, with its orders on stdin.

Its answers go nowhere. What it keeps of them is what every server keeps: lines of the log, with the arm `shadow`, and
counts.
"""

from __future__ import annotations

import logging
import socket
from time import monotonic, perf_counter_ns
from typing import cast

from msgspec.structs import replace

from tabi.errors import TabiError
from tabi.policy import SHADOW
from tabi.serving.large.child import LargeWorker, run_child
from tabi.serving.large.orders import Orders
from tabi.serving.large.wire import Task, hear, say, take
from tabi.serving.slot import Slot
from tabi.serving.steering.shadow_process import HOLD, ShadowState, is_readable
from tabi.serving.telemetry.hooks import ArmMetrics

# between two tellings while copies wait: the worker is to see that this process lives
TELL_SECONDS = 1.0

_log = logging.getLogger("tabi.serving")


class ShadowWorker(LargeWorker):
    """Answers one copy after the other with the challenger that its worker names."""

    def __init__(self, orders: Orders) -> None:
        super().__init__(orders)
        self._metrics: dict[str, ArmMetrics] = {}
        self._problems: dict[str, str] = {}
        self._said: list[str] = []
        self._done = 0
        self._told_at = 0.0

    def run(self, line: socket.socket) -> None:
        """Answer until the worker ends."""
        while True:
            task = hear(line, Task)
            body = cast(bytes, take(line, task.size))
            slot = self._challenger(task)
            if slot is not None and task.label != HOLD:
                self._copy(slot, task, body)
            self._done += 1
            self._tell(line)

    def _tell(self, line: socket.socket) -> None:
        """Tell the worker what was done, with the last copy that waits, and now and then before it."""
        problems = sorted(self._problems.values())
        due = monotonic() - self._told_at > TELL_SECONDS
        if due or problems != self._said or not is_readable(line):
            say(line, ShadowState(problems, self._done))
            self._said, self._done, self._told_at = problems, 0, monotonic()

    def _challenger(self, task: Task) -> Slot | None:
        try:
            slot = self.slot_of(task)
        except Exception as error:  # noqa: BLE001  the worker tells of it, and nobody waits
            what = str(error) if isinstance(error, (TabiError, OSError)) else type(error).__name__
            if task.folder not in self._problems:
                _log.error("the challenger cannot be loaded: %s", what)
            # everybody may read this, and the log has the rest
            self._problems[task.folder] = f"the shadow {task.version[:12]} cannot be loaded"
            return None
        self._problems.pop(task.folder, None)
        return slot

    def _copy(self, slot: Slot, task: Task, body: bytes) -> None:
        # how long it waited here says nothing of the challenger
        began = perf_counter_ns()
        response = self.answer(slot, replace(task, began=began), body)
        model = slot.model
        if model.version not in self._metrics:
            self._metrics[model.version] = ArmMetrics(self.cells, model.name, model.version, SHADOW)
        self._metrics[model.version].observe(response.status, perf_counter_ns() - began)
        self.settle(slot)


if __name__ == "__main__":
    run_child(ShadowWorker)
