"""A server that is killed twenty times under load: no prediction that was answered and no feedback that was
acknowledged is lost or doubled, while closed segments are compressed beside it.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import IO

import pytest

from tabi.monitoring.tables import LogTables
from tabi.predictions import LogReader
from tests.serving.conftest import Harbour, Server
from tests.serving.conftest import harbour as harbour  # noqa: PLC0414 - the store of the fast tests
from tests.serving.test_supervisor import Caller

pytestmark = pytest.mark.system

KILLS = 20
CALLERS = 3

# Imports take seconds, so one process makes them, and forks a server for every line that it reads.
SERVERS = """
import os, sys
from pathlib import Path
from tabi.serving import run, serve, worker
from tabi.serving.settings import Settings
settings = Settings(refs=("voyage",), store=Path(sys.argv[1]), port=0, log=Path(sys.argv[2]))
def ready(serving):
    print(os.getpid(), serving.addresses.url, serving.addresses.admin_url, flush=True)
for _ in sys.stdin:
    child = os.fork()
    if child == 0:
        serve.serve(settings, ready)
        os._exit(0)
    os.waitpid(child, 0)
    print("dead", flush=True)
"""


class Teller(Thread):
    """Sends feedback on what a caller was answered until it is told to stop, and again what was not acknowledged."""

    def __init__(self, server: Server, caller: Caller, stop: Event) -> None:
        super().__init__(daemon=True)
        self.acknowledged: list[str] = []
        self.refused: list[object] = []
        self._server = server
        self._caller = caller
        self._until = stop

    def run(self) -> None:
        connection = self._server.connect(self._server.admin_port)
        while not self._until.is_set():
            done = len(self.acknowledged)
            ids = self._caller.answered[done : done + 5]
            if not ids:
                time.sleep(0.005)
                continue
            body = json.dumps([{"request_id": each, "label": "yes"} for each in ids]).encode()
            try:
                connection.request("POST", "/feedback", body)
                response = connection.getresponse()
                content = json.loads(response.read())
            except (OSError, http.client.HTTPException):
                connection.close()
                continue
            if response.status == 202:
                self.acknowledged += ids
            else:
                self.refused.append(content)
        connection.close()


@contextmanager
def servers(store: Path, log: Path) -> Iterator[tuple[IO[str], IO[str], subprocess.Popen[str]]]:
    command = [sys.executable, "-c", SERVERS, str(store), str(log)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        try:
            yield running.stdin, running.stdout, running
        finally:
            running.stdin.close()


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def test_twenty_kills_under_load_lose_nothing_that_was_answered_or_acknowledged(
    harbour: Harbour, tmp_path: Path
) -> None:
    log, moments = tmp_path / "log", random.Random(11)
    callers: list[Caller] = []
    tellers: list[Teller] = []
    with servers(harbour.store.root, log) as (orders, told, process):
        for number in range(KILLS):
            orders.write("\n")
            orders.flush()
            pid, url, admin = next(line for line in told if "http" in line).split()
            server = Server(process, "127.0.0.1", port_of(url), port_of(admin))
            stop = Event()
            now = [Caller(server, f"k{number}c{each}", stop) for each in range(CALLERS)]
            telling = [Teller(server, caller, stop) for caller in now]
            for thread in (*now, *telling):
                thread.start()
            time.sleep(moments.uniform(0.15, 0.45))
            os.kill(int(pid), signal.SIGKILL)
            stop.set()
            assert next(line for line in told if line.startswith("dead"))
            for thread in (*now, *telling):
                thread.join(30)
            callers, tellers = callers + now, tellers + telling
    answered = {each for caller in callers for each in caller.answered}
    acknowledged = {each for teller in tellers for each in teller.acknowledged}
    assert len(answered) > 20 * KILLS
    assert len(acknowledged) > 5 * KILLS
    assert [refused for each in callers for refused in each.refused] == []
    assert [refused for each in tellers for refused in each.refused] == []
    logged = Counter(line.id for line in LogReader(log))
    assert {each for each in answered if logged[each] != 1} == set()
    assert list(log.glob("*.jsonl.gz")), "nothing was compressed meanwhile"
    end = datetime.now(UTC)
    with LogTables(log, "voyage", end - timedelta(hours=1), end) as tables:
        _ = tables.joins
        labelled = {each for (each,) in tables.rows("SELECT id FROM joined WHERE target = 'yes'")}
        given = tables.rows("SELECT id, count(*) FROM feedback_lines GROUP BY id")
    assert acknowledged <= labelled
    # what was sent again is known again, after a kill too
    assert {each for each, count in given if count != 1} == set()
