"""What good traffic suffers while others abuse the server: `python -m benchmarks.abuse REF [--rounds N]`.

One server on a core of its own, good traffic at a fixed rate from a process of its own, and each kind of abuse from
this process, in what the generator leaves of its core: in life who abuses does not take the core of who does not.
Rounds without and with abuse take turns; the figure is the median p99 beside abuse to that of all rounds without.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from threading import Event, Thread, get_native_id
from typing import NamedTuple

import msgspec

from benchmarks.machine import machine
from tabi.bench.process import Command, cores, running, usage_of
from tabi.bench.rows import draw_rows
from tabi.bench.tally import LoadResult
from tabi.bundle import Bundle
from tabi.store import Store
from tabi.workspace import Workspace

PACKAGES = ("onnxruntime", "msgspec", "uvloop", "httptools")
RATE = 400
SECONDS = 2.0
PIECE = 64 * 1024
# of a machine that has other work
BUSY_LOAD = 2.0
BUSY = (
    "Others worked on this machine meanwhile: a turn of the scheduler, about 4 ms, is in every figure, so that a ratio",
    "close to 1 says that the abuse is not seen beside it.",
)


class Target(NamedTuple):
    """The server that is abused, and a body for it."""

    port: int
    row: bytes
    stop: Event

    def connect(self) -> socket.socket:
        """A connection of its own."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)


Abuse = Callable[[Target], None]


def head(path: str, length: int | str, more: str = "") -> bytes:
    """The head of a request."""
    said = f"Content-Length: {length}" if isinstance(length, int) else "Transfer-Encoding: chunked"
    return f"POST {path} HTTP/1.1\r\nHost: t\r\n{more}{said}\r\n\r\n".encode()


def _hold(target: Target, sent: bytes, drip: bytes, count: int = 500) -> None:
    """Connections that send a little now and then."""
    held: list[socket.socket] = []
    while not target.stop.is_set():
        while len(held) < count and not target.stop.is_set():
            one = target.connect()
            one.sendall(sent)
            held.append(one)
        for one in list(held):
            try:
                one.sendall(drip)
            except OSError:
                one.close()
                held.remove(one)
        target.stop.wait(0.5)
    for one in held:
        one.close()


def slow_heads(target: Target) -> None:
    """500 clients that send their heads byte by byte."""
    _hold(target, b"POST /predict HTTP/1.1\r\nHost: t\r\nX: ", b"x")


def slow_bodies(target: Target) -> None:
    """500 clients that send their bodies byte by byte."""
    _hold(target, head("/predict", 5000), b" ")


def slow_large_bodies(target: Target) -> None:
    """500 clients that say 60 MB and send it byte by byte."""
    _hold(target, head("/predict_batch", 60_000_000), b" ")


def nonsense(target: Target) -> None:
    """Connections of bytes that are no HTTP, one after the other."""
    while not target.stop.is_set():
        with suppress(OSError), target.connect() as one:
            one.sendall(random.randbytes(400))  # noqa: S311
            one.recv(1000)


def pipelined(target: Target) -> None:
    """Thousands of requests at once on one connection."""
    sent = b"GET /livez HTTP/1.1\r\nHost: t\r\n\r\n" * 2000
    while not target.stop.is_set():
        with suppress(OSError), target.connect() as one:
            one.sendall(sent)
            while one.recv(1 << 20):
                pass


def never_reading(target: Target) -> None:
    """20 clients that ask for much and read nothing."""
    sent = head("/predict_batch", 9 + 3 * 2000 + 4) + b'{"rows":[' + b"{}," * 2000 + b"{}]}"
    held = [target.connect() for _ in range(20)]
    for one in held:
        one.setblocking(False)
    while not target.stop.is_set():
        for one in held:
            with suppress(OSError):
                one.send(sent)
        target.stop.wait(0.1)
    for one in held:
        one.close()


def _one_after_the_other(target: Target, sent: bytes) -> None:
    view = memoryview(sent)
    while not target.stop.is_set():
        with suppress(OSError), target.connect() as one:
            # one call over all of it would keep the core from the load generator
            for start in range(0, len(view), PIECE):
                one.sendall(view[start : start + PIECE])
            while one.recv(1 << 20):
                pass


def _closing(path: str, body: bytes, kind: str = "application/json") -> bytes:
    return head(path, len(body), f"Content-Type: {kind}\r\nConnection: close\r\n") + body


def large_bodies(target: Target) -> None:
    """100,000 rows in one JSON body, one after the other."""
    rows = b",".join([target.row] * 100_000)
    _one_after_the_other(target, _closing("/predict_batch", b'{"rows":[' + rows + b"]}"))


def large_nonsense(target: Target) -> None:
    """64 MB that are no rows, one after the other."""
    body = b'{"rows":[' + b"[" * ((64 << 20) - 20) + b"]}"
    _one_after_the_other(target, _closing("/predict_batch", body))


def large_columns(target: Target) -> None:
    """60 MB in one column, one after the other."""
    body = b'{"columns":{"a":[' + b"1234567890," * 5_400_000 + b"1]}}"
    _one_after_the_other(target, _closing("/predict_batch", body))


def nested(target: Target) -> None:
    """Bodies of 1 MB that are nested as deep."""
    _one_after_the_other(target, _closing("/predict", b'{"features":' * 80_000))


def large_records(target: Target) -> None:
    """Bodies of MLflow's protocol of 3.5 MB, one after the other."""
    rows = b",".join([target.row] * (3_500_000 // (len(target.row) + 1)))
    _one_after_the_other(target, _closing("/invocations", b'{"dataframe_records":[' + rows + b"]}"))


def lines(target: Target) -> None:
    """Rows by line without an end."""
    piece = (target.row + b"\n") * 200
    chunk = b"%x\r\n%b\r\n" % (len(piece), piece)
    with suppress(OSError), target.connect() as one:
        one.sendall(head("/predict_batch", "", "Content-Type: application/x-ndjson\r\n"))
        reading = Thread(target=_read_all, args=(one,))
        reading.start()
        while not target.stop.is_set():
            one.sendall(chunk)
        one.shutdown(socket.SHUT_RDWR)
        reading.join()


def _read_all(one: socket.socket) -> None:
    with suppress(OSError):
        while one.recv(1 << 20):
            pass


ABUSES: tuple[Abuse, ...] = (
    slow_heads,
    slow_bodies,
    slow_large_bodies,
    never_reading,
    nonsense,
    pipelined,
    nested,
    large_nonsense,
    large_columns,
    large_bodies,
    large_records,
    lines,
)


class Figure(msgspec.Struct):
    """A kind of abuse: medians over its rounds, and the most memory that the server had. `quiet_ms`: of each round."""

    abuse: str
    quiet_ms: list[float]
    during_ms: float
    before_p95_ms: float
    during_p95_ms: float
    errors: int
    rss_mb: float

    @property
    def before_ms(self) -> float:
        """p99 of the rounds without abuse that took turns with those of this kind."""
        return statistics.median(self.quiet_ms)


def base_of(figures: list[Figure]) -> float:
    """p99 without abuse, of all rounds: they ask the same of the same server, and few of them say little of a p99."""
    return statistics.median(chain.from_iterable(figure.quiet_ms for figure in figures))


def measure(ref: str, rounds: int, chosen: tuple[Abuse, ...] = ABUSES, seconds: float = SECONDS) -> list[Figure]:
    """All figures from one server."""
    contract = Bundle.open(Store(Workspace.find().store).resolve(ref)).contract()
    rows = draw_rows(contract, 200)
    core, other = cores()
    serve = Command("tabi", (sys.executable, "-m", "tabi", "serve", ref, "--port", "{port}"))
    with tempfile.TemporaryDirectory() as folder, running(serve, core) as server, _only_on(other):
        bodies = Path(folder) / "bodies.jsonl"
        bodies.write_bytes(b"\n".join(msgspec.json.encode({"features": row}) for row in rows) + b"\n")
        row = msgspec.json.encode(rows[0])

        def load() -> LoadResult:
            return _load(server.port, bodies, seconds)

        load()
        return [_figure(abuse, server.port, server.pid, row, load, rounds) for abuse in chosen]


@contextmanager
def _only_on(core: int | None) -> Iterator[None]:
    """Keep the process that calls, and what it starts, on one core; afterwards where they were before."""
    if core is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _figure(abuse: Abuse, port: int, pid: int, row: bytes, load: Callable[[], LoadResult], rounds: int) -> Figure:
    before: list[LoadResult] = []
    during: list[LoadResult] = []
    memory = 0.0
    for _ in range(rounds):
        before.append(load())
        with _abusing(abuse, Target(port, row, Event())):
            during.append(load())
            used = usage_of(pid)
        memory = max(memory, used.rss_mb if used else 0.0)
    return Figure(
        abuse.__name__,
        [found.p99_ms or 0.0 for found in before],
        statistics.median(found.p99_ms or 0.0 for found in during),
        statistics.median(found.p95_ms or 0.0 for found in before),
        statistics.median(found.p95_ms or 0.0 for found in during),
        sum(found.errors for found in (*before, *during)),
        memory,
    )


@contextmanager
def _abusing(abuse: Abuse, target: Target) -> Iterator[None]:
    def run() -> None:
        if sys.platform == "linux":
            # who only gets what is left gives the core up at once; at a low priority it would end its turn first
            os.sched_setscheduler(get_native_id(), os.SCHED_IDLE, os.sched_param(0))
        abuse(target)

    thread = Thread(target=run)
    thread.start()
    time.sleep(1)
    try:
        yield
    finally:
        target.stop.set()
        thread.join()


def _load(port: int, bodies: Path, seconds: float) -> LoadResult:
    url = f"http://127.0.0.1:{port}/predict"
    command = [sys.executable, "-m", "tabi.bench.load", url, "--bodies", str(bodies), "-c", "16"]
    command += ["--rate", str(RATE), "-d", str(seconds), "--warm-up", "0.3"]
    return msgspec.json.decode(subprocess.run(command, check=True, capture_output=True).stdout, type=LoadResult)


def page(figures: list[Figure], rounds: int, load: float) -> str:
    """The page of evidence. `load`: of the machine, by others too."""
    said = {abuse.__name__: (abuse.__doc__ or "").strip() for abuse in ABUSES}
    base = base_of(figures)
    quiet = [found for figure in figures for found in figure.quiet_ms]
    quartiles = statistics.quantiles(quiet, n=4)
    table = [
        f"| {said[f.abuse]} | {f.before_p95_ms:.2f} | {f.during_p95_ms:.2f} | {f.before_ms:.2f} | {f.during_ms:.2f}"
        f" | {f.during_ms / base:.2f} | {f.errors} | {f.rss_mb:.0f} |"
        for f in figures
    ]
    return "\n".join(
        [
            "# Good traffic while others abuse the server",
            "",
            f"Made by `python -m benchmarks.abuse` on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC: {RATE} requests a second",
            "to `/predict` on 16 connections, one worker, prediction log on; milliseconds, medians of",
            f"{rounds} rounds without and with abuse in turns. Processes of this machine that were running, over the",
            f"minute before: {load:.1f}. {machine(PACKAGES)}",
            *(["", *BUSY] if load > BUSY_LOAD else []),
            "",
            f"The ratio is of the p99 during abuse to {base:.2f} ms, the median p99 of all {len(quiet)} rounds without",
            "abuse: they all ask the same of the same server, and how they scatter is what chance does to a column.",
            "",
            "| abuse | p95 before | during | p99 before | during | ratio | errors | memory, MB |",
            "|---|---|---|---|---|---|---|---|",
            *table,
            "",
            f"p99 of the rounds without abuse: from {min(quiet):.2f} to {max(quiet):.2f} ms, quartiles",
            f"{quartiles[0]:.2f} and {quartiles[2]:.2f} ms.",
            "",
        ]
    )


def main() -> None:
    """Measure, print and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ref")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=[abuse.__name__ for abuse in ABUSES])
    parser.add_argument("--write", type=Path)
    given = parser.parse_args()
    load = os.getloadavg()[0]
    figures = measure(given.ref, given.rounds, tuple(abuse for abuse in ABUSES if abuse.__name__ in given.only))
    text = page(figures, given.rounds, load)
    sys.stdout.write(text)
    sys.stdout.write(json.dumps(msgspec.to_builtins(figures)) + "\n")
    if given.write:
        given.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
