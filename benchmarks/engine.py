"""Containers for benchmarks, on the engine that the docker command knows."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BASE = "python:3.11-slim"
LIMIT_S = 120


def docker(*arguments: str) -> str:
    """Run docker; its output."""
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True).stdout.strip()


def build(context: Path, *arguments: str) -> str:
    """The id of an image."""
    return docker("build", "--quiet", *arguments, str(context))


def megabytes(image: str) -> float:
    """How much larger an image is than its base."""
    sizes = [int(docker("image", "inspect", "--format", "{{.Size}}", name)) for name in (image, BASE)]
    return (sizes[0] - sizes[1]) / 1e6


@contextmanager
def container(*arguments: str) -> Iterator[str]:
    """As in production: no rights, and a root that cannot be written."""
    hardened = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")  # noqa: S108
    found = docker("run", "--detach", *hardened, *arguments)
    try:
        yield found
    finally:
        docker("rm", "--force", "--volumes", found)


def free_port() -> int:
    """A port that nobody has now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def wait_port(port: int) -> None:
    """Until somebody listens."""
    end = time.monotonic() + LIMIT_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except OSError:
            if time.monotonic() > end:
                sys.exit("the server of S3 does not answer")
            time.sleep(0.1)
        else:
            return
