"""A server as a process that outlives the command that starts it: started, looked at, asked to end.

A process is known by its number and the moment of its start, for numbers are used again.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_PROC = Path("/proc")


class Process(NamedTuple):
    """A process. `started`: in ticks since the system's start; 0 where the system does not tell."""

    pid: int
    started: int

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        with suppress(ChildProcessError):
            # it is ours, if it was started by this very command: then it has to be buried
            os.waitpid(self.pid, os.WNOHANG)
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return False
        return _started(self.pid) == self.started

    def end(self) -> None:
        """Ask it to finish what is in flight and to end."""
        if self.alive:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)

    def kill(self, limit_s: float) -> None:
        """Ask it to end, and end it if it has not after a while."""
        self.end()
        until = time.monotonic() + limit_s
        while self.alive and time.monotonic() < until:
            time.sleep(0.02)
        if self.alive:
            with suppress(ProcessLookupError):
                # with its workers, which are of its session
                os.killpg(self.pid, signal.SIGKILL)


def start(command: Sequence[str], environ: Mapping[str, str], log: Path) -> Process:
    """Start a process in a session of its own, which reads nothing and writes into a file."""
    said = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    try:
        to = [(os.POSIX_SPAWN_DUP2, each, number) for each, number in ((nothing, 0), (said, 1), (said, 2))]
        pid = os.posix_spawn(command[0], list(command), dict(environ), file_actions=to, setsid=True)
    finally:
        os.close(said)
        os.close(nothing)
    return Process(pid, _started(pid))


def _started(pid: int) -> int:
    """When a process began; 0 where that is not told, -1 of one that only waits to be buried."""
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return 0 if not _PROC.is_dir() else -1
    # the name before may hold anything
    fields = text.rpartition(")")[2].split()
    return -1 if fields[0] == "Z" else int(fields[19])
