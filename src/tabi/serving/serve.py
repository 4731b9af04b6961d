"""Start a server: prove that it can, take the addresses, and run it in this process or in several."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import NamedTuple

from msgspec.structs import replace

from tabi.errors import ConfigError
from tabi.serving.addresses import Addresses, listening, listening_alone
from tabi.serving.evidence import leave_evidence
from tabi.serving.settings import Settings

# of the folders that servers share with their workers, and the file by which each is held while its server lives
PREFIX = "tabi-serve-"
HELD = "held"

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

    _consider_grpc(settings)
    with shared_folder() as folder, listening(settings) as addresses:
        worker = Worker(replace(settings, workers=1), folder)
        try:
            worker.load()
            worker.open(addresses.admin_port)
            return worker.versions
        finally:
            worker.close()


def serve(settings: Settings, ready: Callable[[Serving], None]) -> None:
    """Answer until SIGTERM or SIGINT, then finish what is in flight and return.

    A port of 0 is a free one. `ready` is called once every worker answers.
    """
    _consider_grpc(settings)

    def answers(serving: Serving) -> None:
        leave_evidence(settings, serving.versions)
        ready(serving)

    with _stoppable(), shared_folder() as folder, listening(settings) as addresses:
        if settings.workers > 1:
            from tabi.serving.supervisor import Supervisor

            Supervisor(settings, folder, addresses).run(
                lambda versions: answers(Serving(versions, addresses, settings.grpc_port))
            )
        else:
            from tabi.serving.run import run_worker
            from tabi.serving.telemetry.logs import log_to_stdout
            from tabi.serving.worker import Worker

            if settings.store_url is not None:
                # what is fetched takes its time: how far it is must not be said only when it is over
                log_to_stdout()
            worker = Worker(settings, folder)
            worker.load()
            worker.open(addresses.admin_port)
            run_worker(
                worker, addresses.sockets, lambda: answers(Serving(worker.versions, addresses, worker.grpc_port))
            )


def _consider_grpc(settings: Settings) -> None:
    """Find out what is wrong with the gRPC port before anything is loaded."""
    if settings.grpc_port is None:
        return
    if settings.workers > 1 and settings.grpc_port == 0:
        raise ConfigError("several workers cannot share a free gRPC port: name one with --grpc-port")
    if not (_installed("grpc") and _installed("google.protobuf")):
        raise ConfigError("gRPC needs grpcio and protobuf: pip install 'tabi[grpc]'")
    with listening_alone(settings.host, settings.grpc_port, "--grpc-port"):
        pass


def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        # not even the package that it would be in
        return False


@contextmanager
def _stoppable() -> Iterator[None]:
    """A signal that comes before a server answers, or after, ends it as clean as one in between."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        sys.exit(0)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def shared_folder() -> Iterator[Path]:
    """What the workers of one run share; it is gone with them. Those that killed servers have left are removed too."""
    _remove_left(Path(tempfile.gettempdir()))
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    holding = os.open(folder / "taken", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        # the system lets go of it however the process ends; it has its name only once it is held
        fcntl.flock(holding, fcntl.LOCK_EX)
        (folder / "taken").rename(folder / HELD)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(holding)


def _remove_left(root: Path) -> None:
    """Remove our own folders whose server is dead."""
    for folder in root.glob(f"{PREFIX}*"):
        # whatever cannot be looked at or removed is no reason not to serve
        with suppress(OSError):
            found = folder.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
                continue
            holding = os.open(folder / HELD, os.O_RDWR | os.O_NOFOLLOW)
            try:
                fcntl.flock(holding, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(holding)
