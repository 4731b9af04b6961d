"""A server as a process of its own: started on its own core, watched, and stopped with all its children."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tabi.errors import NotReadyError

READY_LIMIT_S = 120.0
STOP_LIMIT_S = 15.0
POLL_S = 0.005
END_POLLS = 400
# threads of numeric libraries wait for each other on one core, in every server alike
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

_PROC = Path("/proc")


@dataclass(frozen=True)
class Command:
    """How to start a server.

    In `arguments` and `environment`, `{port}` stands for its port, `{port2}` and `{port3}` for others that it may want.
    `ready` is a path that answers 200.
    """

    name: str
    arguments: tuple[str, ...]
    ready: str = "/healthz"
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None


class Usage(NamedTuple):
    """What a process and its children have used: seconds of processor, megabytes of memory now."""

    cpu_s: float
    rss_mb: float


@dataclass(frozen=True)
class Running:
    """A server that answers. `ready_s`: from the start of its process to the first 200."""

    pid: int
    port: int
    ready_s: float

    def usage(self) -> Usage | None:
        """What it and its children have used, None where the system does not tell."""
        return usage_of(self.pid)


def cores() -> tuple[int | None, int | None]:
    """A core for the server and one for the load generator, where there are two that we may use."""
    if not hasattr(os, "sched_getaffinity"):
        return None, None
    allowed = sorted(os.sched_getaffinity(0))
    return (allowed[0], allowed[1]) if len(allowed) > 1 else (None, None)


@contextmanager
def running(command: Command, core: int | None) -> Iterator[Running]:
    """Start a server on `core` alone and wait until it is ready; afterwards it and its children are gone."""
    ports = _free_ports()
    port = ports["{port}"]
    with tempfile.TemporaryFile() as said:
        begun = time.perf_counter()
        process = subprocess.Popen(
            [_fill(argument, ports) for argument in command.arguments],
            env={
                **os.environ,
                **ONE_THREAD,
                **{name: _fill(value, ports) for name, value in command.environment.items()},
            },
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            cwd=command.folder,
            start_new_session=True,
        )
        try:
            if core is not None:
                os.sched_setaffinity(process.pid, {core})
            while not _answers(port, command.ready):
                ended = process.poll() is not None
                if ended or time.perf_counter() - begun > READY_LIMIT_S:
                    raise NotReadyError(_why(command, said.fileno(), process.returncode))
                time.sleep(POLL_S)
            yield Running(process.pid, port, time.perf_counter() - begun)
        finally:
            _stop(process)


def usage_of(pid: int) -> Usage | None:
    """What a process and its descendants have used; a child that ended counts with the one that waited for it."""
    if not (_PROC / str(pid)).is_dir():
        return None
    family, cpu, rss = _family(pid), 0, 0
    for member in family:
        with suppress(OSError):
            # the name of the program may hold spaces: the fields are counted from its closing bracket
            fields = (_PROC / str(member) / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            cpu += sum(map(int, fields[11:15]))
            rss += int(fields[21])
    return Usage(cpu / os.sysconf("SC_CLK_TCK"), rss * os.sysconf("SC_PAGE_SIZE") / 1e6)


def _family(pid: int) -> list[int]:
    """The process and its descendants."""
    found = [pid]
    for member in found:
        for children in (_PROC / str(member) / "task").glob("*/children"):
            with suppress(OSError):
                found.extend(map(int, children.read_text(encoding="utf-8").split()))
    return found


def _free_ports() -> dict[str, int]:
    """Ports that nobody listens on now. All are held at once, so that they differ."""
    with ExitStack() as held:
        listeners = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(3)]
        names = ("{port}", "{port2}", "{port3}")
        return {name: listener.getsockname()[1] for name, listener in zip(names, listeners, strict=True)}


def _fill(text: str, ports: Mapping[str, int]) -> str:
    for name, port in ports.items():
        text = text.replace(name, str(port))
    return text


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _why(command: Command, said: int, code: int | None) -> str:
    size = os.fstat(said).st_size
    lines = os.pread(said, 2000, max(size - 2000, 0)).decode(errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "nothing")
    what = f"was not ready after {READY_LIMIT_S:.0f} s" if code is None else f"ended with exit code {code}"
    return f"the server of {command.name} {what}; its last words: {last.removeprefix('tabi: ')}"


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask it to stop; then end whatever is left of its session."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_LIMIT_S)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        # the next server is not to share its core with the last one's end
        for _ in range(END_POLLS):
            os.killpg(process.pid, 0)
            time.sleep(POLL_S)
