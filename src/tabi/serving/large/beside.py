"""A process beside a worker: started with a socket to it and its orders on stdin, and ended with that socket."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from typing import Self

from msgspec.structs import replace

from tabi.serving.large.orders import Orders


class Beside:
    """`line`: the socket to the process."""

    def __init__(self, process: subprocess.Popen[bytes], line: socket.socket) -> None:
        self.process = process
        self.line = line

    @classmethod
    def start(cls, program: Sequence[str], orders: Orders) -> Self:
        """Start a program; `OSError` if it cannot be. The orders get the place of its end of the socket."""
        ours, theirs = socket.socketpair()
        try:
            process = subprocess.Popen(
                program,
                stdin=subprocess.PIPE,
                pass_fds=(theirs.fileno(),),
                # a group of its own: Ctrl-C of a terminal reaches the worker, which ends it once nothing is in flight
                process_group=0,
            )
        except OSError:
            ours.close()
            raise
        finally:
            place = theirs.fileno()
            theirs.close()
        assert process.stdin is not None  # noqa: S101  narrows the type that PIPE fixes
        # one that is dead already is seen in a moment
        with suppress(BrokenPipeError), process.stdin:
            process.stdin.write(replace(orders, line=place).to_json())
        return cls(process, ours)

    def end(self, seconds: float = 0.0) -> int:
        """Let it end with its socket, kill it if it has not after some seconds; its exit code."""
        # a thread that waits for an answer is told too
        self.hang_up()
        self.line.close()
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def hang_up(self) -> None:
        """Tell the process, and every thread that uses the socket, that it is over."""
        with suppress(OSError):
            self.line.shutdown(socket.SHUT_RDWR)
