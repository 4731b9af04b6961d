"""Reloads under full load: `python -m benchmarks.reload`. Writes docs/evidence/reload.md.

It needs a released `adult` in the workspace. Two versions of it, which differ in their threshold, take turns as
`latest` while 32 connections ask as fast as they are answered. The server has one core, the load generator the other.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from subprocess import PIPE, Popen

import msgspec

from benchmarks.machine import machine
from tabi.bench.process import ONE_THREAD, Command, Running, cores, running
from tabi.bench.rows import draw_rows, predict_bodies
from tabi.bench.tally import LoadResult
from tabi.bundle import Bundle, write_bundle
from tabi.store import Store
from tabi.workspace import Workspace

CONNECTIONS = 32
WARM_UP_S = 1.0
# of answers that are looked at: one in so many
SAMPLE = 20
EVIDENCE = Path(__file__).resolve().parents[1] / "docs" / "evidence" / "reload.md"


@dataclass
class Found:
    """What one round measured. `reload_ms`: from opening a bundle to its answering; `rss_mb` after each half."""

    before: LoadResult
    during: LoadResult
    reload_ms: list[float] = field(default_factory=list)
    answered_ms: list[float] = field(default_factory=list)
    rss_mb: list[float] = field(default_factory=list)


class Versions:
    """Two versions of a model in a store of their own; `thresholds` by version."""

    def __init__(self, bundle: Path, scratch: Path) -> None:
        self.store = Store(scratch / "store")
        self.name = Bundle.open(bundle).name
        self.thresholds: dict[str, float] = {}
        for threshold in (0.25, 0.75):
            folder = scratch / f"version-{threshold}"
            shutil.copytree(bundle, folder)
            (folder / "manifest.json").unlink()
            (folder / "threshold.json").write_text(json.dumps({"threshold": threshold, "criterion": "f1"}) + "\n")
            write_bundle(
                folder,
                name=self.name,
                created=datetime.now(UTC).isoformat(timespec="seconds"),
                git_commit="",
                run="",
                snapshot="0" * 64,
                environment="0" * 64,
                runtime={"onnxruntime": ">=1.22"},
            )
            self.thresholds[self.store.put_bundle(folder)] = threshold
        self.next()

    def next(self) -> str:
        """Let the other version be the latest; its id."""
        now = self.store.latest(self.name)
        chosen = next(version for version in self.thresholds if now is None or version != now.id)
        self.store.set_latest(self.name, chosen, now)
        return chosen


@contextmanager
def loading(server: Running, bodies: Path, seconds: float, core: int | None) -> Iterator[list[LoadResult]]:
    """Load a server in a process beside this one; what came of it is in the list at the end."""
    url = f"http://127.0.0.1:{server.port}/predict"
    command = [sys.executable, "-m", "tabi.bench.load", url, "--bodies", str(bodies), "-c", str(CONNECTIONS)]
    command += ["-d", str(seconds), "--warm-up", str(WARM_UP_S), "--sample-every", str(SAMPLE)]
    command += [] if core is None else ["--core", str(core)]
    found: list[LoadResult] = []
    with Popen(command, stdout=PIPE, env={**os.environ, **ONE_THREAD}) as process:
        time.sleep(WARM_UP_S)
        yield found
        assert process.stdout is not None
        found.append(msgspec.json.decode(process.stdout.read(), type=LoadResult))


def reload(versions: Versions, admin_port: int, found: Found) -> None:
    """Move `latest` and ask the server to follow."""
    version = versions.next()
    began = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", admin_port, timeout=30)
    connection.request("POST", "/reload")
    told = json.loads(connection.getresponse().read())
    connection.close()
    found.answered_ms.append((time.perf_counter() - began) * 1000)
    found.reload_ms.append(told["models"][0]["reload_ms"])
    assert (told["status"], told["models"][0]["version"]) == ("ok", version), told


def one_round(versions: Versions, bodies: Path, scratch: Path, reloads: int, pause: float) -> Found:
    """As long without reloads as with them."""
    server_core, load_core = cores()
    command = [sys.executable, "-m", "tabi", "serve", versions.name, "--port", "{port}", "--admin-port", "{port2}"]
    environment = {"TABI_STORE": str(versions.store.root), "TABI_PREDICTIONS": str(scratch / "log")}
    seconds = reloads * (pause + 0.03)
    with running(Command("tabi", tuple(command), environment=environment), server_core) as server:
        admin_port = admin_port_of(server.pid)
        with loading(server, bodies, seconds, load_core) as before:
            pass
        found = Found(before[0], before[0])
        with loading(server, bodies, seconds, load_core) as during:
            for number in range(reloads):
                reload(versions, admin_port, found)
                time.sleep(pause)
                if number + 1 in (reloads // 4, reloads):
                    usage = server.usage()
                    found.rss_mb.append(usage.rss_mb if usage else 0.0)
        found.during = during[0]
    return found


def admin_port_of(pid: int) -> int:
    """The port that the server was given for its operators."""
    arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return int(arguments[arguments.index(b"--admin-port") + 1])


def judged(load: LoadResult, versions: Versions) -> set[str]:
    """The versions that were seen; each answer's threshold must be its version's own, and no request may fail."""
    assert load.errors == 0, (load.statuses, load.failures)
    answers = [json.loads(sample.answer) for sample in load.samples]
    for answer in answers:
        assert answer["threshold"] == versions.thresholds[answer["version"]], "an answer of two versions"
    return {answer["version"] for answer in answers}


def page(rounds: list[Found], reloads: int, pause: float, began: float) -> str:
    """The figures."""
    ratios = [_ratio(found.during.p99_ms, found.before.p99_ms) for found in rounds]
    reload_ms = [ms for found in rounds for ms in found.reload_ms]
    answered_ms = [ms for found in rounds for ms in found.answered_ms]
    memory = ", ".join(" → ".join(f"{mb:.1f}" for mb in found.rss_mb) + " MB" for found in rounds)
    lines = [
        "# Reloads: figures",
        "",
        f"Written by `python -m benchmarks.reload` on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC.",
        f"Load of the machine when it began: {began:.1f}.",
        machine(("onnxruntime", "uvicorn", "uvloop", "numpy")),
        "",
        f"{reloads} reloads in {len(rounds)} rounds, {pause:g} s apart, under {CONNECTIONS} connections that ask as",
        "fast as they are answered. Every request of both halves was answered with 200, and in one of",
        f"{SAMPLE} answers, which were looked at, version and threshold belonged together.",
        "",
        "| round | RPS before | during | p99 before, ms | during, ms | ratio | slowest before, ms | during, ms |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        *(_row(number, found, ratio) for number, (found, ratio) in enumerate(zip(rounds, ratios, strict=True), 1)),
        "",
        f"- p99 during / before, median of the rounds: {median(ratios):.2f} (aim: at most 2)",
        f"- from opening a bundle to its answering, the aim being 50 ms: {_spread(reload_ms)}",
        f"- from asking for a reload to being told that it is done: {_spread(answered_ms)}",
        f"- memory after a quarter of a round's reloads and after all: {memory}",
        "",
    ]
    return "\n".join(lines)


def _ratio(one: float | None, other: float | None) -> float:
    assert one and other, "nothing was answered"  # noqa: PT018
    return one / other


def _row(number: int, found: Found, ratio: float) -> str:
    before, during = found.before, found.during
    speeds = f"{before.rps:,.0f} | {during.rps:,.0f} | {before.p99_ms:.2f} | {during.p99_ms:.2f}"
    return f"| {number} | {speeds} | {ratio:.2f} | {before.max_ms:.1f} | {during.max_ms:.1f} |"


def _spread(found: list[float]) -> str:
    return f"median {median(found):.1f} ms, slowest {max(found):.1f} ms"


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reload", description="Reloads under full load.")
    parser.add_argument("--ref", default="adult")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--reloads", type=int, default=200, help="in all rounds together")
    parser.add_argument("--pause", type=float, default=0.3, help="seconds between two")
    given = parser.parse_args()
    began = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="tabi-bench-") as folder:
        scratch = Path(folder)
        bundle = Store(Workspace.find().store).resolve(given.ref)
        versions = Versions(bundle, scratch)
        bodies = scratch / "bodies"
        bodies.write_bytes(b"\n".join(predict_bodies(draw_rows(Bundle.open(bundle).contract(), 1000))))
        rounds = []
        for number in range(given.rounds):
            rounds.append(one_round(versions, bodies, scratch, given.reloads // given.rounds, given.pause))
            assert len(judged(rounds[-1].before, versions)) == 1
            assert len(judged(rounds[-1].during, versions)) == 2
            print(f"round {number + 1} of {given.rounds}", flush=True)
    text = page(rounds, given.reloads, given.pause, began)
    print(text)
    EVIDENCE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
