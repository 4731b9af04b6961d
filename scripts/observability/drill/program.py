"""A program that answers HTTP on this machine for as long as it is wanted."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from tabi.errors import TabiError

READY_LIMIT_S = 60.0
STOP_LIMIT_S = 20.0
# of what it said, in an error
SHOWN = 800


@contextmanager
def answering(
    command: Sequence[str | Path], url: str, log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[None]:
    """Start it, wait until `url` answers, and stop it in the end. `TabiError` shows the end of its `log`."""
    with log.open("wb") as said:
        process = subprocess.Popen(
            command,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        try:
            _await(url, process, log)
            yield
        finally:
            process.terminate()
            try:
                process.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nobody listens on."""
    with ExitStack() as held:
        servers = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(server.getsockname()[1]) for server in servers]


def _await(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + READY_LIMIT_S
    while True:
        try:
            with urlopen(url, timeout=2):  # noqa: S310 - our own
                return
        except (URLError, OSError):
            if process.poll() is not None or time.monotonic() > end:
                said = log.read_text(encoding="utf-8", errors="replace")[-SHOWN:]
                raise TabiError(f"nothing answers at {url}; {log.name} ends with: {said}") from None
            time.sleep(0.1)
