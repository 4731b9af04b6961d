"""Start a server: prove that it can, take the addresses, and run it in this process or in several."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from tabi.errors import ConfigError
from tabi.serving.addresses import Addresses, listening
from tabi.serving.settings import Settings

Version = tuple[str, str]
"""A model's name and the id of the version that answers."""


class Serving(NamedTuple):
    """What is told once every worker answers."""

    versions: tuple[Version, ...]
    addresses: Addresses
    grpc_port: int | None


def check(settings: Settings) -> tuple[Version, ...]:
    """Prove that a server can start: load and warm its models, and take its ports for a moment."""
    from tabi.serving.worker import Worker

    with _shared_folder() as folder, listening(settings) as addresses:
        worker = Worker(replace(settings, workers=1), folder)
        worker.load()
        worker.open(addresses.admin_port)
        worker.close()
        return worker.versions


def serve(settings: Settings, ready: Callable[[Serving], None]) -> None:
    """Answer until SIGTERM or SIGINT, then finish what is in flight and return.

    A port of 0 is a free one. `ready` is called once every worker answers.
    """
    if settings.workers > 1 and settings.grpc_port == 0:
        raise ConfigError("several workers cannot share a free gRPC port: name one with --grpc-port")
    with _shared_folder() as folder, listening(settings) as addresses:
        if settings.workers > 1:
            from tabi.serving.supervisor import Supervisor

            Supervisor(settings, folder, addresses).run(
                lambda versions: ready(Serving(versions, addresses, settings.grpc_port))
            )
        else:
            from tabi.serving.run import run_worker
            from tabi.serving.worker import Worker

            worker = Worker(settings, folder)
            worker.load()
            worker.open(addresses.admin_port)
            run_worker(worker, addresses.sockets, lambda: ready(Serving(worker.versions, addresses, worker.grpc_port)))


@contextmanager
def _shared_folder() -> Iterator[Path]:
    """What the workers of one run share; it is gone with them."""
    folder = Path(tempfile.mkdtemp(prefix="tabi-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
