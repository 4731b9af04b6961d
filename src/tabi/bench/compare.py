"""Servers side by side: in short rounds that take turns, so that a machine that slows down slows all of them."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import msgspec

from tabi.bench.process import ONE_THREAD, Command, Running, cores, running
from tabi.bench.tally import LoadResult
from tabi.errors import ConfigError, NotReadyError, TabiError

Say = Callable[[str], None]


@dataclass(frozen=True)
class Work:
    """One kind of load: a name for its figures, the route, the bodies, how many connections."""

    name: str
    path: str
    bodies: Sequence[bytes]
    connections: int
    content_type: str = "application/json"


@dataclass(frozen=True)
class Contender:
    """A server and what is asked of it.

    `pinned`: to one core; a server of several workers is not. `optional`: one that cannot be measured is left out.
    """

    command: Command
    works: Sequence[Work]
    pinned: bool = True
    optional: bool = False

    @property
    def name(self) -> str:
        """What its figures stand under."""
        return self.command.name


@dataclass(frozen=True)
class Settings:
    """`seconds`: the length of each measurement, without `warm_up`. `sample_every`: keep each n-th answer."""

    rounds: int = 3
    seconds: float = 4.0
    warm_up: float = 1.0
    sample_every: int = 0

    def __post_init__(self) -> None:
        if self.rounds < 1 or self.seconds <= 0 or self.warm_up < 0:
            raise ConfigError("a comparison needs at least one round of more than 0 seconds")


class Measured(msgspec.Struct, frozen=True):
    """One kind of load in one round.

    `cpu_us`: processor time of the server for each request that it answered. `rss_mb`: its memory afterwards.
    """

    load: LoadResult
    cpu_us: float | None
    rss_mb: float | None = None


class Round(msgspec.Struct, frozen=True):
    """One life of a server. `rss_mb`: its memory after the load."""

    ready_s: float
    rss_mb: float | None
    works: dict[str, Measured]


class Figures(msgspec.Struct, frozen=True):
    """Medians over the rounds of one kind of load; `errors` is their sum. None where nothing was answered."""

    rps: float
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    cpu_us: float | None
    rss_mb: float | None
    errors: int


class Summary(msgspec.Struct, frozen=True):
    """Medians over the rounds of one server."""

    ready_s: float
    rss_mb: float | None
    works: dict[str, Figures]


def compare(contenders: Sequence[Contender], settings: Settings, say: Say) -> dict[str, list[Round]]:
    """The rounds of each contender, by its name. All take their turn in each round; `say` is told each step."""
    found: dict[str, list[Round]] = {contender.name: [] for contender in contenders}
    for number in range(1, settings.rounds + 1):
        for contender in contenders:
            if contender.name not in found:
                continue
            say(f"round {number} of {settings.rounds}: {contender.name}")
            try:
                found[contender.name].append(_one_round(contender, settings, say))
            except NotReadyError as error:
                if not contender.optional:
                    raise
                say(f"  left out: {error}")
                del found[contender.name]
    return found


def summarise(rounds: Sequence[Round]) -> Summary:
    """Medians over the rounds."""
    names = rounds[0].works
    return Summary(
        ready_s=median(r.ready_s for r in rounds),
        rss_mb=_median(r.rss_mb for r in rounds),
        works={name: _figures([r.works[name] for r in rounds]) for name in names},
    )


def ratio(ours: Sequence[Round], theirs: Sequence[Round], figure: Callable[[Round], float | None]) -> float | None:
    """The median of a figure's ratio in each round: neighbours in time are compared with each other."""
    pairs = [(figure(a), figure(b)) for a, b in zip(ours, theirs, strict=True)]
    return _median(a / b if a is not None and b else None for a, b in pairs)


def _figures(measured: Sequence[Measured]) -> Figures:
    loads = [m.load for m in measured]
    return Figures(
        rps=median(load.rps for load in loads),
        p50_ms=_median(load.p50_ms for load in loads),
        p95_ms=_median(load.p95_ms for load in loads),
        p99_ms=_median(load.p99_ms for load in loads),
        cpu_us=_median(m.cpu_us for m in measured),
        rss_mb=_median(m.rss_mb for m in measured),
        errors=sum(load.errors for load in loads),
    )


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _one_round(contender: Contender, settings: Settings, say: Say) -> Round:
    server_core, generator_core = cores() if contender.pinned else (None, None)
    with running(contender.command, server_core) as server:
        works = {}
        for work in contender.works:
            works[work.name] = _measure(server, work, settings, generator_core)
            load = works[work.name].load
            kinds = [*load.statuses.items(), *load.failures.items()]
            errors = "".join(f", {count} x {kind}" for kind, count in kinds)
            say(f"  {work.name}: {load.rps:,.0f} requests a second{errors}")
        usage = server.usage()
    return Round(server.ready_s, usage.rss_mb if usage else None, works)


def _measure(server: Running, work: Work, settings: Settings, core: int | None) -> Measured:
    before = server.usage()
    load = _generate(f"http://127.0.0.1:{server.port}{work.path}", work, settings, core)
    after = server.usage()
    if before is None or after is None or not load.answered:
        return Measured(load, None)
    return Measured(load, (after.cpu_s - before.cpu_s) * 1e6 / load.answered, after.rss_mb)


def _generate(url: str, work: Work, settings: Settings, core: int | None) -> LoadResult:
    """Run the load generator as a process of its own: it shares neither core nor interpreter lock with anybody."""
    with tempfile.NamedTemporaryFile(suffix=".bodies") as file:
        Path(file.name).write_bytes(b"\n".join(work.bodies))
        command = [sys.executable, "-m", "tabi.bench.load", url, "--bodies", file.name]
        command += ["-c", str(work.connections), "-d", str(settings.seconds), "--warm-up", str(settings.warm_up)]
        command += ["--content-type", work.content_type, "--sample-every", str(settings.sample_every)]
        if core is not None:
            command += ["--core", str(core)]
        done = subprocess.run(command, capture_output=True, env={**os.environ, **ONE_THREAD}, check=False)
    if done.returncode != 0:
        last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise TabiError(f"the load generator ended with exit code {done.returncode}; its last words: {last}")
    return msgspec.json.decode(done.stdout, type=LoadResult)
