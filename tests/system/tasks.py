"""Tasks of a cluster that is stood in for: processes of this machine, behind a load balancer of one address."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from http.server import ThreadingHTTPServer
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any, Protocol

Json = dict[str, Any]
Command = Callable[[list[str]], list[str]]
"""What runs in place of an image's own entry point, for the command that its container has."""

HEALTHY_LIMIT_S = 30


class Balanced(Protocol):
    """Who says at which port the task of now listens."""

    port: int


def start_task(
    images: dict[str, Command], environ: dict[str, str], container: Json, arguments: list[str], port: int
) -> subprocess.Popen[bytes]:
    """The container as a process; its image is known by its digest."""
    digest = container["image"].rpartition("@")[2]
    variables = {each["name"]: each["value"] for each in container.get("env") or container.get("environment") or ()}
    own = {**environ, **variables, "TABI_HOST": "127.0.0.1", "TABI_PORT": str(port)}
    return subprocess.Popen(images[digest](arguments), env=own, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def is_healthy(task: subprocess.Popen[bytes], port: int, given_up: Callable[[], bool]) -> bool:
    """Whether /healthz is 200 before the task ends."""
    end = time.monotonic() + HEALTHY_LIMIT_S
    while task.poll() is None and time.monotonic() < end and not given_up():
        with (
            suppress(OSError, http.client.HTTPException),
            closing(http.client.HTTPConnection("127.0.0.1", port, timeout=2)) as connection,
        ):
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return True
        time.sleep(0.05)
    return False


@contextmanager
def balancing(scheduler: Balanced) -> Iterator[str]:
    """The load balancer: one address, whose connections go to the task of now."""

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", scheduler.port), 10) as task:
                there = threading.Thread(target=pump, args=(self.connection, task))
                there.start()
                pump(task, self.connection)
                there.join(10)

    with serving_in_background(ThreadingTCPServer(("127.0.0.1", 0), Handler)) as port:
        yield f"http://127.0.0.1:{port}"


@contextmanager
def serving_in_background(server: ThreadingTCPServer | ThreadingHTTPServer) -> Iterator[int]:
    """The port, while it listens."""
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def pump(source: socket.socket, sink: socket.socket) -> None:
    """Bytes from one side to the other, until the one has said all."""
    with suppress(OSError):
        while piece := source.recv(1 << 16):
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def end_of(task: subprocess.Popen[bytes] | None) -> None:
    if task is not None and task.poll() is None:
        task.terminate()
        with suppress(subprocess.TimeoutExpired):
            task.wait(15)
        if task.poll() is None:
            task.kill()
            task.wait(5)


def environ_of_tasks() -> dict[str, str]:
    """What a container has of this machine: nothing of AWS, and no workspace."""
    return {name: text for name, text in os.environ.items() if not name.startswith(("AWS_", "TABI_"))}
