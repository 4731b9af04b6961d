"""A challenger that stands still takes its copies with it, and nothing of the requests: a real server under load."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tabi.policy import Assigned, Shadow
from tabi.predictions import LogReader
from tabi.serving.steering.shadow import MOST_BYTES
from tests.serving.conftest import ROW, Harbour, Server, harbour, own_harbour, serving

pytestmark = pytest.mark.system
__all__ = ["harbour", "own_harbour"]

ONE = json.dumps({"features": ROW}).encode()
# the same row with so much space behind it that copies of some dozens fill the queue of 16 MiB
WIDE = ONE + b" " * 250_000
MANY = 4 * MOST_BYTES // len(WIDE)
LIMIT_S = 30.0
# less than a request would wait that waited for the shadow, which is ended after 20 s
PATIENCE_S = 10.0


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT_S
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def shadow_of(server: Server) -> int:
    """The process id of the server's shadow."""
    for found in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            said, stat = found.read_bytes(), (found.parent / "stat").read_text()
        except OSError:
            continue
        if b"steering.shadow_child" in said and int(stat.rpartition(")")[2].split()[1]) == server.process.pid:
            return int(found.parent.name)
    return 0


def copies(server: Server) -> dict[str, int]:
    text = server.ask("GET", "/metrics")[2].decode()
    return {
        outcome: int(float(value))
        for outcome, value in re.findall(r'tabi_shadow_copies_total\{.*outcome="(\w+)".*\} (\S+)', text)
    }


def memory(server: Server) -> int:
    """Bytes that are resident in the server's process."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) << 10


def ask(server: Server, body: bytes, count: int, patience_s: float = PATIENCE_S) -> None:
    """So many requests on one connection, each answered in time."""
    connection = server.connect()
    connection.timeout = patience_s
    try:
        for _ in range(count):
            connection.request("POST", "/predict", body, {"content-type": "application/json"})
            response = connection.getresponse()
            response.read()
            assert response.status == 200
    finally:
        connection.close()


def answered(log: Path) -> int:
    """Single rows that the shadow has answered."""
    return sum(line.arm == "shadow" for line in LogReader(log) if line.id.startswith("one-"))


def test_a_shadow_that_is_stopped_touches_no_request_and_goes_on_when_it_is_let(own_harbour: Harbour) -> None:
    policy = Shadow(
        name="voyage",
        champion=Assigned(1, own_harbour.older),
        challenger=Assigned(2, own_harbour.newer),
        share=1.0,
        salt="s",
    )
    own_harbour.store.set_policy(policy, None)
    root = own_harbour.store.root
    log = root / "predictions"
    with serving(root, "voyage") as server:
        until(lambda: shadow_of(server) != 0)
        # the first of them starts the process of large requests
        ask(server, WIDE, 5, LIMIT_S)
        until(lambda: copies(server).get("sent", 0) == 5)
        until(lambda: sum(line.arm == "shadow" for line in LogReader(log)) == 5)
        before = memory(server)

        stopped = shadow_of(server)
        os.kill(stopped, signal.SIGSTOP)
        # four times what may wait
        ask(server, WIDE, MANY)
        ask(server, ONE, 200)
        told = copies(server)
        assert told["full"] > 0
        # the queue, once more while its pieces are sent, and a little for the rest
        assert memory(server) - before < 2.5 * MOST_BYTES
        assert server.ask("GET", "/readyz")[0] == 200

        os.kill(stopped, signal.SIGCONT)
        until(lambda: copies(server).get("sent", 0) > told.get("sent", 0))
        server.ask("POST", "/predict", ONE, {"x-request-id": "one-1", "content-type": "application/json"})
        until(lambda: answered(log) == 1)
        assert shadow_of(server) == stopped
        # each request was copied or counted as dropped
        found = copies(server)
        asked = 5 + MANY + 200 + 1
        assert found["sent"] + found["full"] == asked
        assert found.get("lost", 0) == 0
