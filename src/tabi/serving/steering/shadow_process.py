"""One life of the process that answers copies: what was sent to it, and what of that it has not answered."""

from __future__ import annotations

import select
import socket
import sys
from collections import deque
from collections.abc import Callable, Iterable
from time import monotonic
from typing import NamedTuple

import msgspec

from tabi.serving.large.beside import Beside
from tabi.serving.large.orders import Orders
from tabi.serving.large.wire import Task, hear, packed

# until a process that answers nothing is ended
STALLED_SECONDS = 20.0
# and one that loads a version
LOADING_SECONDS = 300.0
# what is sent at once, so that nothing is held twice
PIECE_BYTES = 1 << 18

PROGRAM = (sys.executable, "-P", "-m", "tabi.serving.steering.shadow_child")
HOLD = "hold"
"""The label of a message that only names the version to be loaded."""

Count = Callable[[str], None]
"""Counts what became of a copy: `sent`, `full`, `large`, `down`, `lost`."""


class Copy(NamedTuple):
    """A message for the process, and who counts what became of it."""

    tell: Count
    task: Task
    body: bytes


class ShadowState(msgspec.Struct, frozen=True):
    """What the process tells: what is wrong with its challengers, and with how many more messages it is done."""

    problems: list[str]
    done: int


class ShadowProcess:
    """It answers in the order in which it is sent to. `problems`: what it told last."""

    def __init__(self, orders: Orders) -> None:
        """`OSError` if it cannot be started."""
        self.problems: list[str] = []
        self._beside = Beside.start(PROGRAM, orders)
        self._unanswered: deque[Copy] = deque()
        self._moved = monotonic()

    def send(self, copies: deque[Copy]) -> None:
        """Send copies, and take away those that were; `OSError` if it is gone, or takes nothing for so long."""
        while copies:
            piece = _piece(copies)
            self._beside.line.settimeout(self._patience)
            self._beside.line.sendall(b"".join(part for copy in piece for part in (packed(copy.task), copy.body)))
            if not self._unanswered:
                self._moved = monotonic()
            for copy in piece:
                copies.popleft()
                _count(copy, "sent")
                self._unanswered.append(copy._replace(body=b""))

    def listen(self) -> None:
        """Take what it told; `TimeoutError` if it has answered nothing for so long that it must hang."""
        while is_readable(self._beside.line):
            told = hear(self._beside.line, ShadowState)
            self.problems = told.problems
            for _ in range(min(told.done, len(self._unanswered))):
                self._unanswered.popleft()
            self._moved = monotonic()
        if self._unanswered and monotonic() - self._moved > self._patience:
            raise TimeoutError

    @property
    def _patience(self) -> float:
        loads = bool(self._unanswered) and self._unanswered[0].task.label == HOLD
        return LOADING_SECONDS if loads else STALLED_SECONDS

    def hang_up(self) -> None:
        """Tell a thread that sends that it is over."""
        self._beside.hang_up()

    def end(self) -> int:
        """Kill it; its exit code. What it has not answered is lost."""
        for copy in self._unanswered:
            _count(copy, "lost")
        self._unanswered.clear()
        return self._beside.end()


def count_all(copies: Iterable[Copy], outcome: str) -> None:
    """Count what became of copies."""
    for copy in copies:
        _count(copy, outcome)


def is_readable(line: socket.socket) -> bool:
    """Whether something has come. Not by select, which knows no file descriptor above 1023."""
    waiting = select.poll()
    waiting.register(line, select.POLLIN)
    return bool(waiting.poll(0))


def _count(copy: Copy, outcome: str) -> None:
    if copy.task.label != HOLD:
        copy.tell(outcome)


def _piece(copies: Iterable[Copy]) -> list[Copy]:
    """The first of them, as many as are sent at once."""
    piece, size = [], 0
    for copy in copies:
        piece.append(copy)
        size += len(copy.body)
        if size >= PIECE_BYTES:
            break
    return piece
