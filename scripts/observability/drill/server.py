"""The server that is watched: its lines in a file, its traces in the inbox, and room for one large request."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.observability.drill.program import answering, free_ports

# large requests may be a quarter of these
IN_FLIGHT = 4


@dataclass(frozen=True)
class Watched:
    """A server that answers. `log`: its own lines, `predictions`: the folder of the prediction log."""

    port: int
    log: Path
    predictions: Path

    def lines(self, request_id: str) -> list[dict[str, Any]]:
        """The server's own lines about a request."""
        return [line for line in _objects(self.log) if line.get("request_id") == request_id]

    def predicted(self, request_id: str) -> list[dict[str, Any]]:
        """The lines of the prediction log about a request."""
        segments = sorted(self.predictions.glob("*.jsonl"))
        return [line for path in segments for line in _objects(path) if line["id"] == request_id]


@contextmanager
def server(ref: str, store: str, folder: Path, collector: str) -> Iterator[Watched]:
    """Serve `ref` of a store; every request is traced."""
    folder.mkdir(parents=True)
    (port,) = free_ports(1)
    watched = Watched(port, folder / "server.log", folder / "predictions")
    command = [sys.executable, "-m", "tabi", "serve", ref, "--port", str(port), "--limit", f"in_flight={IN_FLIGHT}"]
    environment = {
        "TABI_STORE": store,
        "TABI_PREDICTIONS": str(watched.predictions),
        "TABI_EVIDENCE": str(folder / "evidence"),
        "TABI_OTLP_ENDPOINT": collector,
        "TABI_TRACE_RATIO": "1",
        "OTEL_BSP_SCHEDULE_DELAY": "500",
        "OMP_NUM_THREADS": "1",
    }
    with answering(command, f"http://127.0.0.1:{port}/healthz", watched.log, environment):
        yield watched


def _objects(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_bytes().splitlines():
        if line.startswith(b"{"):
            yield json.loads(line)
