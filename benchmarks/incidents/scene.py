"""Where an incident happens: a home of its own, a server that `tabi deploy` started, and clients that ask it."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.engine import free_port
from benchmarks.rollback import CLOSED, Home
from tabi.bundle import Bundle, write_bundle
from tabi.contract import Contract
from tabi.registry.identity import whoami
from tabi.registry.register import register
from tabi.registry.room import Room

LIMIT_S = 180.0
LOOK_S = 0.02
Answer = tuple[int, Any]


class Found(NamedTuple):
    """One incident.

    `seen_s`: from the failure until it shows, None where the rule's own window says so. `mended_s`: from the first
    command until it is over.
    """

    page: str
    made: str
    seen: str
    seen_s: float | None
    mended: str
    mended_s: float


class Said(NamedTuple):
    """A command that ended."""

    seconds: float
    out: str
    err: str


@dataclass
class Asked:
    """What came of requests: when each was answered, with which status, and how slowly."""

    answers: list[tuple[float, int, float]] = field(default_factory=list)

    def first(self, wrong: Callable[[int, float], bool], since: float) -> float | None:
        """Seconds from a moment to the first answer that is wrong."""
        return next((at - since for at, status, ms in list(self.answers) if at >= since and wrong(status, ms)), None)

    def last(self, wrong: Callable[[int, float], bool], since: float) -> float:
        """Seconds from a moment to the last answer that is wrong; 0 if there is none."""
        return max(
            (at - since for at, status, ms in list(self.answers) if at >= since and wrong(status, ms)), default=0
        )


@dataclass(frozen=True)
class Scene:
    """`image`: an image's id, where there is an engine."""

    home: Home
    port: int
    image: str = ""

    @property
    def name(self) -> str:
        """The model."""
        return self.home.name

    @property
    def root(self) -> Path:
        """The folder of everything."""
        return self.home.workspace.root

    def environ(self, **told: str) -> dict[str, str]:
        """What a command is told."""
        ours = {key: text for key, text in os.environ.items() if not key.startswith("TABI_")}
        at = {"TABI_HOME": str(self.root), "TABI_TRACKING_URI": CLOSED, "TABI_PORT": str(self.port)}
        return {**ours, **at, "OMP_NUM_THREADS": "1", **told}

    def begin(self, *arguments: str, **told: str) -> subprocess.Popen[str]:
        """Start a command."""
        command = [sys.executable, "-m", "tabi", *arguments]
        pipe = subprocess.PIPE
        # a folder of its own: MLflow puts relative artifacts below the current one
        return subprocess.Popen(command, env=self.environ(**told), cwd=self.root, stdout=pipe, stderr=pipe, text=True)

    def tabi(self, *arguments: str, **told: str) -> Said:
        """Run a command, which succeeds."""
        return self.ends(0, *arguments, **told)

    def ends(self, code: int, *arguments: str, **told: str) -> Said:
        """Run a command to its end, which is this exit code."""
        began = time.perf_counter()
        with self.begin(*arguments, **told) as process:
            out, err = process.communicate(timeout=LIMIT_S)
        if process.returncode != code:
            raise SystemExit(f"tabi {' '.join(arguments)} ended with {process.returncode}: {err or out}")
        return Said(time.perf_counter() - began, out, err)

    @contextmanager
    def deployed(self, **told: str) -> Iterator[None]:
        """A server on this machine that answers by the first version, and is stopped in the end."""
        self.tabi("deploy", self.name, "--version", "1", **told)
        try:
            yield
        finally:
            self.tabi("deploy", self.name, "--stop")

    @property
    def running(self) -> int:
        """The process that was deployed."""
        path = self.home.workspace.deployed / f"local-dev-{self.name}" / "running.json"
        pid: int = json.loads(path.read_text(encoding="utf-8"))["pid"]
        return pid

    def said(self) -> str:
        """What every server that was deployed has said."""
        folder = self.home.workspace.deployed / f"local-dev-{self.name}"
        return "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in folder.glob("*.log"))

    def ask(self, path: str, body: bytes | None = None) -> Answer:
        """Status and content; status 0 if nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("POST" if body else "GET", path, body, {"content-type": "application/json"})
            response = connection.getresponse()
            text = response.read()
            is_json = "json" in (response.getheader("content-type") or "")
            return response.status, json.loads(text) if is_json else text.decode()
        except (OSError, http.client.HTTPException):
            return 0, None
        finally:
            connection.close()

    def predict(self) -> Answer:
        """One row."""
        return self.ask("/predict", self.home.body)

    def ready(self) -> str:
        """What /readyz says."""
        status, found = self.ask("/readyz")
        return str(found["status"]) if status and isinstance(found, dict) else "nobody"

    def metric(self, name: str) -> float:
        """The sum over all that a metric counts."""
        _, text = self.ask("/metrics")
        lines = [line for line in str(text).splitlines() if line.split("{")[0].split(" ")[0] == name]
        return sum(float(line.rpartition(" ")[2]) for line in lines)

    @contextmanager
    def asking(self, path: str, bodies: list[bytes], clients: int = 1, pause_s: float = 0.01) -> Iterator[Asked]:
        """Clients that ask until the end, each request by a connection of its own."""
        found, ended = Asked(), threading.Event()

        def ask(number: int) -> None:
            while not ended.is_set():
                began = time.perf_counter()
                status, _ = self.ask(path, bodies[number % len(bodies)])
                now = time.perf_counter()
                found.answers.append((now, status, (now - began) * 1000))
                number += clients
                ended.wait(pause_s)

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(clients)]
        for thread in threads:
            thread.start()
        try:
            yield found
        finally:
            ended.set()
            for thread in threads:
                thread.join()

    def release(self, graph: bytes, created: str = "", threshold: float = 0.5) -> int:
        """Another version of the model with this graph; its number."""
        folder = self.root / f"released-{free_port()}"
        shutil.copytree(self.root / "version-0.75", folder)
        (folder / "manifest.json").unlink()
        (folder / "model.onnx").write_bytes(graph)
        (folder / "threshold.json").write_text(json.dumps({"threshold": threshold, "criterion": "f1"}) + "\n")
        room = Room.open(self.home.workspace)
        manifest = write_bundle(
            folder,
            name=self.name,
            created=created or datetime.now(UTC).isoformat(timespec="seconds"),
            git_commit="",
            run=self.home.versions[0].run,
            snapshot="0" * 64,
            environment="0" * 64,
            runtime={"onnxruntime": ">=1.22"},
        )
        room.store.put_bundle(folder)
        opened = Bundle.open(room.store.open_path(self.name, manifest.id))
        return register(room, opened, "", whoami(self.home.workspace)).version

    @property
    def contract(self) -> Contract:
        """What a row is."""
        return Bundle.open(self.root / "version-0.75").contract()

    @property
    def graph(self) -> bytes:
        """The graph of the sound versions."""
        return (self.root / "version-0.75" / "model.onnx").read_bytes()


def until(true: Callable[[], bool], what: str, limit_s: float = LIMIT_S) -> float:
    """Seconds until it is so."""
    began = time.perf_counter()
    while not true():
        if time.perf_counter() - began > limit_s:
            raise SystemExit(f"{what} did not come about within {limit_s:.0f} s")
        time.sleep(LOOK_S)
    return time.perf_counter() - began
