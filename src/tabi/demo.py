"""The main road in one go: fetch, train, release, serve, predict, stop. What `tabi demo` runs."""

from __future__ import annotations

import http.client
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import msgspec
import numpy as np
import pandas as pd

from tabi.data import Table, fetch, load_table
from tabi.errors import TabiError
from tabi.project import ProjectConfig, load_config
from tabi.registry.identity import whoami
from tabi.registry.release import Released, release
from tabi.training.job import TrainedRun, train
from tabi.training.progress import reporting
from tabi.workspace import Workspace

NAME = "breast_cancer"
REQUESTS = 200
STOP_LIMIT_S = 15.0


@dataclass(frozen=True)
class Latency:
    """Milliseconds from sending a request to having read its answer, over one connection."""

    requests: int
    p50_ms: float
    p95_ms: float
    p99_ms: float


@dataclass(frozen=True)
class DemoResult:
    """What the demo did."""

    config: ProjectConfig
    rows: int
    trained: TrainedRun
    released: Released
    url: str
    example: dict[str, Any]
    latency: Latency
    elapsed_s: float


def run_demo(workspace: Workspace, say: Callable[[str], None]) -> DemoResult:
    """Walk the main road on the embedded defaults; `say` is told each step. No process outlives the call."""
    began = time.perf_counter()
    config = _project(workspace)
    say(f"[1/6] fetch    {config.source}")
    fetched = fetch(workspace, config)
    say(f"[2/6] train    preset {config.preset}, mode {config.search.mode.value}")
    with reporting(sys.stdout) as report:
        trained = train(workspace, config, report, whoami(workspace).name)
    say("[3/6] release  compile, prove, gate, bundle")
    released = release(workspace, NAME, trained.run_id)
    say("[4/6] serve    a server process on a free port")
    table = load_table(workspace, config)
    with _server(workspace, NAME) as url:
        say(f"[5/6] predict  {REQUESTS} requests to {url}")
        example, latency = _ask(url, table)
        say("[6/6] stop     the server")
    elapsed = time.perf_counter() - began
    return DemoResult(config, fetched.snapshot.rows, trained, released, url, example, latency, elapsed)


def _project(workspace: Workspace) -> ProjectConfig:
    """The demo's project, made from the packaged example where the workspace has none."""
    path = workspace.projects / NAME / "config.yaml"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        example = files("tabi.project").joinpath("examples", f"{NAME}.yaml")
        path.write_text(example.read_text(encoding="utf-8"), encoding="utf-8")
    return load_config(workspace, NAME, ["search.mode=fast"])


@contextmanager
def _server(workspace: Workspace, ref: str) -> Iterator[str]:
    """A real server process, stopped at the end; yields its URL."""
    command = [sys.executable, "-m", "tabi", "serve", ref, "--port", "0"]
    process = subprocess.Popen(command, cwd=workspace.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield _url(process)
    finally:
        process.terminate()
        try:
            process.communicate(timeout=STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def _url(process: subprocess.Popen[str]) -> str:
    """The URL that the server says once it takes connections."""
    assert process.stdout is not None  # noqa: S101  narrows the type that PIPE fixes
    line = process.stdout.readline()
    words = [word for word in line.split() if word.startswith("http://")]
    if not words:
        raise TabiError(f"the server did not start: {line.strip() or 'it said nothing'}")
    return words[0]


def _ask(url: str, table: Table) -> tuple[dict[str, Any], Latency]:
    """Send real rows one at a time over one connection."""
    host, _, port = url.removeprefix("http://").partition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=10)
    times: list[float] = []
    example: dict[str, Any] = {}
    for row in _rows(table, REQUESTS):
        body = msgspec.json.encode({"features": row})
        began = time.perf_counter()
        connection.request("POST", "/predict", body, {"content-type": "application/json"})
        answer = connection.getresponse().read()
        times.append((time.perf_counter() - began) * 1000)
        example = example or msgspec.json.decode(answer)
    connection.close()
    p50, p95, p99 = np.percentile(times, [50, 95, 99])
    return example, Latency(len(times), float(p50), float(p95), float(p99))


def _rows(table: Table, count: int) -> Sequence[dict[str, Any]]:
    """The first rows as a caller would send them: what is missing is left out."""
    records = table.X.head(count).to_dict("records")
    return [{str(k): v for k, v in record.items() if not pd.isna(v)} for record in records]
