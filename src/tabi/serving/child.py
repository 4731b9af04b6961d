"""A worker process of a supervisor: `python -m tabi.serving.child`, with what it needs as JSON on stdin."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import Self

import msgspec

from tabi.errors import TabiError, outcome_of
from tabi.serving.settings import Settings


class Orders(msgspec.Struct, frozen=True):
    """What a supervisor gives a worker. Descriptors are inherited.

    `ready`: a pipe on which the worker says which models it has loaded. `life`: a pipe that ends with the supervisor.
    """

    settings: Settings
    folder: Path
    number: int
    sockets: list[int]
    admin_port: int | None
    ready: int
    life: int

    def to_json(self) -> bytes:
        """As `from_json` reads them."""
        return msgspec.json.encode(self, enc_hook=str)

    @classmethod
    def from_json(cls, content: bytes) -> Self:
        """Read what `to_json` wrote."""
        return msgspec.json.decode(content, type=cls, dec_hook=lambda kind, text: kind(text))


class Ready(msgspec.Struct, frozen=True):
    """A line on the pipe: this worker answers."""

    number: int
    versions: tuple[tuple[str, str], ...]


def main() -> None:
    """Run one worker."""
    orders = Orders.from_json(sys.stdin.buffer.read())
    from tabi.serving.run import run_worker
    from tabi.serving.worker import Worker

    sockets = [socket.socket(fileno=descriptor) for descriptor in orders.sockets]
    try:
        worker = Worker(orders.settings, orders.folder, orders.number)
        worker.load()
        worker.open(orders.admin_port)

        def ready() -> None:
            os.write(orders.ready, msgspec.json.encode(Ready(orders.number, worker.versions)) + b"\n")

        run_worker(worker, sockets, ready, orders.life)
    except TabiError as error:
        sys.stderr.write(f"tabi: worker {orders.number}: {error}\n")
        sys.exit(outcome_of(error).exit_code)


if __name__ == "__main__":
    main()
