"""A worker process of a supervisor: `python -m tabi.serving.child`, with what it needs as JSON on stdin."""

from __future__ import annotations

import logging
import os
import select
import shutil
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Self

import msgspec

from tabi.errors import TabiError, outcome_of
from tabi.serving.settings import Settings

# far below what a pipe takes in one piece
MOST_SAID = 900

_log = logging.getLogger("tabi.serving")


class Orders(msgspec.Struct, frozen=True):
    """What a supervisor gives a worker. Descriptors are inherited.

    `said`: a pipe on which the worker says that it is ready, or why it cannot be. `life`: a pipe that ends with the
    supervisor.
    """

    settings: Settings
    folder: Path
    number: int
    sockets: list[int]
    admin_port: int | None
    said: int
    life: int

    def to_json(self) -> bytes:
        """As `from_json` reads them."""
        return msgspec.json.encode(self, enc_hook=str)

    @classmethod
    def from_json(cls, content: bytes) -> Self:
        """Read what `to_json` wrote."""
        return msgspec.json.decode(content, type=cls, dec_hook=lambda kind, text: kind(text))


class Said(msgspec.Struct, frozen=True):
    """A line on the pipe: this worker answers with these versions, or `problem` says why it cannot."""

    number: int
    versions: tuple[tuple[str, str], ...] = ()
    problem: str | None = None
    kind: str = ""

    def say(self, pipe: int) -> None:
        """Write the line, whole: it is shorter than what a pipe takes at once. Who does not listen is dead."""
        with suppress(BrokenPipeError):
            os.write(pipe, msgspec.json.encode(self) + b"\n")

    @classmethod
    def of(cls, number: int, error: TabiError) -> Self:
        """What a worker says that cannot start."""
        return cls(number, problem=str(error)[:MOST_SAID], kind=type(error).__name__)

    def error(self) -> TabiError:
        """The error again, of its own class, so that the server ends with its line and its exit code."""
        from tabi import errors

        kind = getattr(errors, self.kind, TabiError)
        found: TabiError = kind(self.problem)
        return found


def main() -> None:
    """Run one worker."""
    orders = Orders.from_json(sys.stdin.buffer.read())
    from tabi.serving.telemetry.logs import log_to_stdout

    log_to_stdout()
    try:
        _run(orders)
    except TabiError as error:
        Said.of(orders.number, error).say(orders.said)
        sys.exit(outcome_of(error).exit_code)
    except Exception as error:  # noqa: BLE001  the supervisor says it in one line
        _log.exception("a worker failed", extra={"worker": orders.number})
        failed = TabiError(f"worker {orders.number} failed with {type(error).__name__}: its log line says where")
        Said.of(orders.number, failed).say(orders.said)
        sys.exit(1)
    if _is_orphan(orders.life):
        # who would have removed it is dead
        shutil.rmtree(orders.folder, ignore_errors=True)


def _is_orphan(life: int) -> bool:
    """Whether the supervisor is dead: only then its pipe has an end."""
    return bool(select.select([life], [], [], 0)[0])


def _run(orders: Orders) -> None:
    from tabi.serving.accepting import Shares
    from tabi.serving.run import run_worker
    from tabi.serving.worker import Worker

    worker = Worker(orders.settings, orders.folder, orders.number)
    worker.load()
    worker.open(orders.admin_port)
    run_worker(
        worker,
        [socket.socket(fileno=descriptor) for descriptor in orders.sockets],
        lambda: Said(orders.number, worker.versions).say(orders.said),
        orders.life,
        Shares(orders.folder, orders.settings.workers),
    )


if __name__ == "__main__":
    main()
