"""A real Unleash server, on a real PostgreSQL, divides the traffic of a real server; and then it dies."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tabi.policy import Arm, Assigned, Split
from tests.serving.conftest import ROW, Harbour, Server, harbour, own_harbour, serving
from tests.system.conftest import INSTALL_LIMIT_S, give_up
from tests.system.postgresql import PASSWORD, postgresql

__all__ = ["harbour", "own_harbour"]
pytestmark = pytest.mark.system

VERSION = "7.5.1"
ADMIN, CLIENT = "*:*.unleash-admin-of-the-test", "default:development.unleash-client-of-the-test"
FLAG = "tabi-voyage-prices"
LIMIT_S = 60.0
UNITS = [f"customer-{i}" for i in range(300)]
BODY = json.dumps({"features": ROW}).encode()


def _program() -> Path:
    """The server from npm's registry, kept between runs; it has no test of its own here."""
    if shutil.which("npm") is None:
        give_up("there is no npm")
    folder = Path(os.environ.get("TABI_TOOLS", Path.home() / ".cache" / "tabi-tools")) / f"unleash-{VERSION}"
    program = folder / "node_modules" / "unleash-server" / "dist" / "server.js"
    if not program.exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund", f"unleash-server@{VERSION}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_LIMIT_S, check=False)
        if not program.exists():
            give_up(f"unleash-server cannot be installed: {done.stderr[-300:]}")
    return program


@contextmanager
def unleash() -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    program = _program()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    with postgresql() as database:
        environment = {
            **os.environ,
            "DATABASE_URL": f"postgres://tabi:{PASSWORD}@127.0.0.1:{database}/postgres",
            "DATABASE_SSL": "false",
            "HTTP_HOST": "127.0.0.1",
            "HTTP_PORT": str(port),
            "INIT_ADMIN_API_TOKENS": ADMIN,
            "INIT_CLIENT_API_TOKENS": CLIENT,
            "CHECK_VERSION": "false",
            "SEND_TELEMETRY": "false",
            "LOG_LEVEL": "error",
        }
        process = subprocess.Popen(
            ["node", str(program)], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            until(lambda: _healthy(port))
            yield process, port
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()


def _healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def until(found: Any) -> Any:
    end = time.monotonic() + LIMIT_S
    while not (seen := found()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.1)
    return seen


def ask(port: int, method: str, path: str, body: Any = None) -> Any:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/admin/{path}",
        None if body is None else json.dumps(body).encode(),
        {"authorization": ADMIN, "content-type": "application/json"},
        method=method,
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  our own address
        text = answer.read()
    return json.loads(text) if text else None


def make_flag(port: int) -> None:
    """A flag that gives everybody a variant, b four times as often as a."""
    flag = f"projects/default/features/{FLAG}"
    ask(port, "POST", "projects/default/features", {"name": FLAG, "type": "experiment"})
    variants = [
        # weights that are not fixed are made equal
        {"name": name, "weight": weight, "weightType": kind, "stickiness": "userId"}
        for name, weight, kind in (("a", 200, "variable"), ("b", 800, "fix"))
    ]
    strategy = {
        "name": "flexibleRollout",
        "parameters": {"rollout": "100", "stickiness": "userId", "groupId": FLAG},
        "variants": variants,
    }
    ask(port, "POST", f"{flag}/environments/development/strategies", strategy)
    ask(port, "POST", f"{flag}/environments/development/on")


def arms(server: Server) -> dict[str, str]:
    found = {}
    for unit in UNITS:
        status, headers, _ = server.ask("POST", "/predict", BODY, {"x-unit-id": unit})
        assert status == 200
        found[unit] = headers["x-tabi-arm"]
    return found


def fallbacks(server: Server) -> Counter[str]:
    text = server.ask("GET", "/metrics")[2].decode()
    lines = [line for line in text.splitlines() if line.startswith("tabi_flag_fallbacks_total{")]
    return Counter({line.partition('reason="')[2].partition('"')[0]: int(float(line.split()[1])) for line in lines})


def test_unleash_chooses_the_arms_and_its_death_fails_and_moves_nobody(own_harbour: Harbour) -> None:
    one, two = Assigned(1, own_harbour.older), Assigned(2, own_harbour.newer)
    policy = Split(name="voyage", champion=one, experiment="prices", salt="s", arms=(Arm("a", one), Arm("b", two)))
    own_harbour.store.set_policy(policy, None)
    own = {unit: policy.arms[policy.routing.place(unit)].name for unit in UNITS}
    with unleash() as (process, port):
        make_flag(port)
        setting = {"TABI_FLAGS": f"unleash://127.0.0.1:{port}/api", "TABI_FLAGS_TOKEN": CLIENT}
        with serving(own_harbour.store.root, "voyage", **setting) as server:
            # until its rules are here, the policy's own hash chooses
            until(lambda: server.ask("POST", "/predict", BODY, {"x-unit-id": "u"})[0] == 200 and _asked(server))
            chosen = arms(server)
            assert chosen != own
            # 240 are expected, of a binomial with a deviation of 6.9
            assert abs(Counter(chosen.values())["b"] - 240) < 4 * 6.9
            before = fallbacks(server)

            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            assert arms(server) == chosen, "the rules that were fetched hold on"
            assert fallbacks(server) == before

        # nobody waits for a flag server that is not there: the hash chooses until the rules on the disk are read
        with serving(own_harbour.store.root, "voyage", **setting) as server:
            assert all(arm in (own[unit], chosen[unit]) for unit, arm in arms(server).items())


def _asked(server: Server) -> bool:
    """Whether a request was answered without a fallback."""
    before = fallbacks(server).total()
    server.ask("POST", "/predict", BODY, {"x-unit-id": "u"})
    return fallbacks(server).total() == before
