"""`make load`: two scenarios against one and two workers, and reloads under load. Writes docs/evidence/load.{md,json}.

The model must be released in the workspace. Nothing of the workspace is changed: the server has a copy in a store of
its own, with two versions that differ in their threshold, so that a reload has something to go to.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from benchmarks.machine import machine
from benchmarks.reload import Versions, admin_port_of
from loadtest.k6 import start, version_of
from loadtest.report import Reloads, Report, Trial, page
from loadtest.slo import Load, Slo, read_slo
from tabi.bench.process import Command, Running, running
from tabi.bench.rows import draw_rows, predict_bodies
from tabi.bundle import Bundle
from tabi.errors import TabiError
from tabi.evidence import Record, append
from tabi.store import Store
from tabi.workspace import Workspace

ROOT = Path(__file__).resolve().parents[1]
EVIDENCE = ROOT / "docs" / "evidence"
SCENARIOS = ("peak", "steady")
WORKERS = (1, 2)
ROWS = 1000
# a cold server answers its first requests slower; nothing of these is counted
WARM_UP = Load(rps=50, seconds=2)


@dataclass(frozen=True)
class Field:
    """What every run needs: the binary, the model's versions, the bodies and the objectives."""

    k6: Path
    versions: Versions
    bodies: Path
    slo: Slo
    scratch: Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, keep; 1 if an objective was broken."""
    given = _options(arguments)
    try:
        report = measure(given.ref, given.k6, read_slo(given.slo), given.reloads)
    except TabiError as error:
        sys.stderr.write(f"load: {error}\n")
        return 1
    text = page(report)
    print(text)
    given.evidence.mkdir(parents=True, exist_ok=True)
    (given.evidence / "load.json").write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")
    (given.evidence / "load.md").write_text(text, encoding="utf-8")
    figures = {f"{t.scenario}-{t.workers}": msgspec.to_builtins(t.measured) for t in report.trials}
    record = Record(
        kind="load",
        subject=given.ref,
        verdict="pass" if report.passed else "fail",
        inputs={"model": report.model},
        figures=figures,
    )
    append(Workspace.find().evidence, record)
    return 0 if report.passed else 1


def measure(ref: str, k6: Path, slo: Slo, reloads: int) -> Report:
    """Every scenario with every number of workers, then the reloads."""
    began, load_average, at = time.perf_counter(), os.getloadavg()[0], datetime.now(UTC).isoformat()
    with tempfile.TemporaryDirectory(prefix="tabi-load-") as folder:
        scratch = Path(folder)
        bundle = Store(Workspace.find().store).resolve(ref)
        bodies = scratch / "bodies"
        bodies.write_bytes(b"\n".join(predict_bodies(draw_rows(Bundle.open(bundle).contract(), ROWS))))
        field = Field(k6, Versions(bundle, scratch), bodies, slo, scratch)
        trials = []
        for workers in WORKERS:
            with _server(field, workers) as server:
                trials += [_trial(field, server, scenario, workers) for scenario in SCENARIOS]
        with _server(field, max(WORKERS)) as server:
            switched = _reloads(field, server, reloads, max(WORKERS))
        return Report(
            at=at,
            seconds=time.perf_counter() - began,
            k6=version_of(k6),
            machine=machine(("onnxruntime", "uvicorn", "uvloop")),
            load_average=load_average,
            model=f"{Bundle.open(bundle).name} {bundle.name[:12]}",
            slo=slo,
            trials=trials,
            reloads=switched,
        )


@contextmanager
def _server(field: Field, workers: int) -> Iterator[Running]:
    command = [
        sys.executable,
        "-m",
        "tabi",
        "serve",
        field.versions.name,
        "--port",
        "{port}",
        "--admin-port",
        "{port2}",
    ]
    command += ["--workers", str(workers)]
    environment = {"TABI_STORE": str(field.versions.store.root), "TABI_PREDICTIONS": str(field.scratch / "log")}
    with running(Command("tabi", tuple(command), environment=environment), None) as server:
        start(field.k6, "steady", _url(server), field.bodies, WARM_UP, field.slo.objectives).result()
        yield server


def _trial(field: Field, server: Running, scenario: str, workers: int) -> Trial:
    load = field.slo.load[scenario]
    found = start(field.k6, scenario, _url(server), field.bodies, load, field.slo.objectives).result()
    print(f"{scenario}, {workers} worker(s): p95 {found.p95_ms:.1f} ms, {found.failed} failed", flush=True)
    return Trial(scenario, workers, load, found)


def _reloads(field: Field, server: Running, count: int, workers: int) -> Reloads:
    """Up to `count` reloads over the steady load; one that ends after it does not count. A refusal is an error."""
    load = field.slo.load["steady"]
    pause = load.seconds / (count + 2)
    admin_port = admin_port_of(server.pid)
    found: list[tuple[float, float]] = []
    run = start(field.k6, "steady", _url(server), field.bodies, load, field.slo.objectives)
    try:
        for _ in range(count):
            time.sleep(pause)
            times = _reload(field.versions, admin_port)
            if run.over:
                break
            found.append(times)
        if not found:
            raise TabiError("the load ended before the first reload did: ask for a longer load")
        return Reloads(workers, [switch for switch, _ in found], [answered for _, answered in found], run.result())
    finally:
        run.stop()


def _reload(versions: Versions, admin_port: int) -> tuple[float, float]:
    version = versions.next()
    began = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", admin_port, timeout=30)
    connection.request("POST", "/reload")
    told = json.loads(connection.getresponse().read())
    connection.close()
    took = (time.perf_counter() - began) * 1000
    if told.get("status") != "ok" or told["models"][0]["version"] != version:
        raise TabiError(f"a reload was not followed: {told.get('status') or told.get('title')}")
    return told["models"][0]["reload_ms"], took


def _url(server: Running) -> str:
    return f"http://127.0.0.1:{server.port}"


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m loadtest.run", description="Load tests with k6.")
    parser.add_argument("ref", help="the released model")
    parser.add_argument("--k6", type=Path, default=ROOT / ".tools" / "k6" / "bin" / "k6")
    parser.add_argument("--slo", type=Path, default=ROOT / "slo.yaml")
    parser.add_argument("--reloads", type=int, default=20)
    parser.add_argument("--evidence", type=Path, default=EVIDENCE, help="folder of load.md and load.json")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
