"""Several workers of one server, and the process that starts them, and starts them again when they die.

The supervisor holds the sockets and serves nothing itself. A connection that a dead worker has not taken yet stays in
the socket's queue for the others.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from types import FrameType

import msgspec

from tabi.errors import TabiError
from tabi.serving.addresses import Addresses
from tabi.serving.child import Orders, Ready
from tabi.serving.settings import Settings
from tabi.serving.telemetry.cells import SUPERVISOR, Cells
from tabi.serving.telemetry.hooks import Counter
from tabi.serving.telemetry.logs import log_to_stdout

LOOK_SECONDS = 0.05
# a worker that died sooner than this after its start is started again later and later
STEADY_SECONDS = 10.0
LONGEST_PAUSE = 30.0

_log = logging.getLogger("tabi.supervisor")


class _Worker:
    """One number's process, and when it may be started again."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.process: subprocess.Popen[bytes] | None = None
        self.ready = False
        self.began = 0.0
        self.start_at = 0.0
        self.pause = 0.0


class Supervisor:
    """Runs the workers of one server until it is told to stop."""

    def __init__(self, settings: Settings, folder: Path, addresses: Addresses) -> None:
        self._settings = settings
        self._folder = folder
        self._addresses = addresses
        self._workers = [_Worker(number) for number in range(settings.workers)]
        self._stopping = False
        self._said = b""
        self._versions: tuple[tuple[str, str], ...] = ()

    def run(self, ready: Callable[[tuple[tuple[str, str], ...]], None]) -> None:
        """Start all, call `ready` once all answer, keep all alive, and stop all."""
        cells = Cells(self._folder, SUPERVISOR)
        restarts = Counter(cells, "tabi_worker_restarts_total")
        self._ready_out, self._ready_in = os.pipe()
        self._life_out, self._life_in = os.pipe()
        before = {number: signal.signal(number, self._stop) for number in (signal.SIGINT, signal.SIGTERM)}
        told = False
        try:
            while not self._stopping:
                self._start_missing()
                self._listen()
                if not told and all(worker.ready for worker in self._workers):
                    ready(self._versions)
                    log_to_stdout()
                    told = True
                self._bury(restarts, told=told)
        finally:
            self._end()
            for number, handler in before.items():
                signal.signal(number, handler)
            cells.close()

    def _start_missing(self) -> None:
        now = monotonic()
        for worker in self._workers:
            if worker.process is None and now >= worker.start_at and not self._stopping:
                worker.began = now
                worker.process = self._start(worker.number)

    def _start(self, number: int) -> subprocess.Popen[bytes]:
        sockets = [each.fileno() for each in self._addresses.sockets]
        orders = Orders(
            self._settings,
            self._folder,
            number,
            sockets,
            self._addresses.admin_port,
            self._ready_in,
            self._life_out,
        )
        # a group of its own: Ctrl-C of a terminal reaches the supervisor, which stops the workers in good order
        process = subprocess.Popen(
            [sys.executable, "-m", "tabi.serving.child"],
            stdin=subprocess.PIPE,
            pass_fds=(*sockets, self._ready_in, self._life_out),
            process_group=0,
        )
        assert process.stdin is not None  # noqa: S101  narrows the type that PIPE fixes
        try:
            process.stdin.write(orders.to_json())
            process.stdin.close()
        except BrokenPipeError:
            # it is dead already, which is seen in a moment
            pass
        return process

    def _listen(self) -> None:
        """Wait a moment for what workers say."""
        readable, _, _ = select.select([self._ready_out], [], [], LOOK_SECONDS)
        if readable:
            *lines, self._said = (self._said + os.read(self._ready_out, 65536)).split(b"\n")
            for line in lines:
                said = msgspec.json.decode(line, type=Ready)
                self._workers[said.number].ready = True
                self._versions = said.versions

    def _bury(self, restarts: Counter, *, told: bool) -> None:
        for worker in self._workers:
            code = None if worker.process is None else worker.process.poll()
            if code is None or self._stopping:
                continue
            if not told:
                # it never answered: starting it again would only hide why
                raise TabiError(
                    f"worker {worker.number} ended with {_named(code)} before it answered: see its line above"
                )
            lasted = monotonic() - worker.began
            worker.pause = min(LONGEST_PAUSE, worker.pause * 2 or 0.5) if lasted < STEADY_SECONDS else 0.0
            worker.start_at = monotonic() + worker.pause
            worker.process, worker.ready = None, False
            restarts.add()
            _log.error("worker died (%s) and is started again in %.1f s", _named(code), worker.pause,
                       extra={"worker": worker.number})  # fmt: skip

    def _end(self) -> None:
        """Ask all to stop; what does not within the grace period and some, is killed."""
        living = [worker.process for worker in self._workers if worker.process is not None]
        for process in living:
            process.terminate()
        deadline = monotonic() + self._settings.limits.grace + 5
        for process in living:
            try:
                process.wait(max(0.1, deadline - monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for descriptor in (self._ready_out, self._ready_in, self._life_out, self._life_in):
            os.close(descriptor)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True


def _named(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
