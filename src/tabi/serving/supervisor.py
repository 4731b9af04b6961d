"""Several workers of one server, and the process that starts them, and starts them again when they die.

The supervisor holds the sockets and serves nothing itself. A connection that a dead worker has not taken yet stays in
the socket's queue for the others. A worker stops when the supervisor dies, for it holds a pipe that then ends.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic
from types import FrameType

import msgspec

from tabi.errors import TabiError
from tabi.serving.accepting import Shares
from tabi.serving.addresses import Addresses
from tabi.serving.child import Orders, Said
from tabi.serving.settings import Settings
from tabi.serving.telemetry.cells import SUPERVISOR, Cells
from tabi.serving.telemetry.hooks import Counter
from tabi.serving.telemetry.logs import log_to_stdout

LOOK_SECONDS = 0.05
# a worker that died sooner than this after its start is started again later and later
STEADY_SECONDS = 10.0
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
# for a worker to close what it has open, before it is killed
AFTER_GRACE = 5.0

Version = tuple[str, str]
"""A model's name and the id of the version that answers."""

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
        self._shares = Shares(folder, settings.workers)
        self._stopping = False
        self._told = False
        self._heard = b""
        self._versions: tuple[Version, ...] = ()

    def run(self, ready: Callable[[tuple[Version, ...]], None]) -> None:
        """Start all, call `ready` once all answer, keep all alive, and stop all.

        A worker that cannot start at first is the server's own error: starting it again would only hide why.
        """
        cells = Cells(self._folder, SUPERVISOR)
        restarts = Counter(cells, "tabi_worker_restarts_total")
        self._said_out, self._said_in = os.pipe()
        self._life_out, self._life_in = os.pipe()
        before = {number: signal.signal(number, self._stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            while not self._stopping:
                self._start_missing()
                self._hear(LOOK_SECONDS)
                if not self._told and all(worker.ready for worker in self._workers):
                    ready(self._versions)
                    log_to_stdout()
                    self._told = True
                self._bury(restarts)
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
                try:
                    worker.process = self._start(worker.number)
                except OSError as error:
                    if not self._told:
                        raise TabiError(
                            f"a worker cannot be started ({error.strerror}): free memory or files"
                        ) from error
                    self._put_off(worker, f"cannot be started: {error.strerror}")

    def _start(self, number: int) -> subprocess.Popen[bytes]:
        sockets = [each.fileno() for each in self._addresses.sockets]
        orders = Orders(
            self._settings,
            self._folder,
            number,
            sockets,
            self._addresses.admin_port,
            self._said_in,
            self._life_out,
        )
        process = subprocess.Popen(
            # -P: a file of the folder that we happen to be in must not be taken for a module
            [sys.executable, "-P", "-m", "tabi.serving.child"],
            stdin=subprocess.PIPE,
            pass_fds=(*sockets, self._said_in, self._life_out),
            # a group of its own: Ctrl-C of a terminal reaches the supervisor, which stops the workers in good order
            process_group=0,
        )
        assert process.stdin is not None  # noqa: S101  narrows the type that PIPE fixes
        # one that is dead already is seen in a moment
        with suppress(BrokenPipeError), process.stdin:
            process.stdin.write(orders.to_json())
        return process

    def _hear(self, seconds: float) -> None:
        """Wait a moment for what workers say."""
        readable, _, _ = select.select([self._said_out], [], [], seconds)
        if readable:
            *lines, self._heard = (self._heard + os.read(self._said_out, 65536)).split(b"\n")
            for line in lines:
                self._listen(msgspec.json.decode(line, type=Said))

    def _listen(self, said: Said) -> None:
        if said.problem is None:
            self._workers[said.number].ready = True
            self._versions = said.versions
        elif not self._told:
            raise said.error()
        else:
            _log.error("worker cannot start: %s", said.problem, extra={"worker": said.number})

    def _bury(self, restarts: Counter) -> None:
        for worker in self._workers:
            code = None if worker.process is None else worker.process.poll()
            if code is None or self._stopping:
                continue
            # what it said last may not have been heard yet
            self._hear(0)
            if not self._told and not worker.ready:
                raise TabiError(f"worker {worker.number} ended with {_named(code)} before it answered")
            self._shares.gone(worker.number)
            restarts.add()
            self._put_off(worker, f"died ({_named(code)})")

    def _put_off(self, worker: _Worker, why: str) -> None:
        """Start a worker again: at once if it had lasted, later and later if not."""
        lasted = monotonic() - worker.began
        worker.pause = min(LONGEST_PAUSE, worker.pause * 2 or FIRST_PAUSE) if lasted < STEADY_SECONDS else 0.0
        worker.start_at = monotonic() + worker.pause
        worker.process, worker.ready = None, False
        message = "worker %s and is started again in %.1f s"
        _log.error(message, why, worker.pause, extra={"worker": worker.number})

    def _end(self) -> None:
        """Ask all to stop; what does not within the grace period and some, is killed."""
        # or clients would wait in a queue from which nobody takes them any more
        for each in self._addresses.sockets:
            each.close()
        living = [worker.process for worker in self._workers if worker.process is not None]
        for process in living:
            process.terminate()
        deadline = monotonic() + self._settings.limits.grace + AFTER_GRACE
        for process in living:
            try:
                process.wait(max(0.1, deadline - monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for descriptor in (self._said_out, self._said_in, self._life_out, self._life_in):
            os.close(descriptor)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True


def _named(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
