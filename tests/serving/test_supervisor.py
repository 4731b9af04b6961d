"""Several workers as real processes: what a death costs, that all are reached, and that nothing is left behind."""

from __future__ import annotations

import functools
import http.client
import json
import os
import re
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import msgspec
import numpy as np
import pytest

from tabi.predictions import LogReader
from tabi.serving.agreement import WorkerState
from tests.serving.conftest import ROW, Harbour, Server, serving

BODY = json.dumps({"features": ROW}).encode()
WAIT_S = 30


class Crew:
    """A server of two workers, and the folder in which it keeps what it shares."""

    def __init__(self, server: Server, temporary: Path, log: Path) -> None:
        self.server = server
        self.temporary = temporary
        self.log = log

    @property
    def folder(self) -> Path:
        (folder,) = self.temporary.glob("tabi-serve-*")
        return folder

    def pid(self, number: int) -> int:
        content = (self.folder / f"worker-{number}.json").read_bytes()
        return msgspec.json.decode(content, type=WorkerState).pid

    def kill(self, number: int) -> int:
        """SIGKILL to a worker that has told who it is; its pid."""
        pid = self.pid(number)
        os.kill(pid, signal.SIGKILL)
        return pid

    def is_back(self, number: int, before: int) -> bool:
        return self.pid(number) != before

    def metric(self, name: str) -> float:
        """The sum over all that a metric counts."""
        text = self.server.ask("GET", "/metrics")[2].decode()
        found = re.findall(rf"^{name}(?:\{{\S+)? (\S+)$", text, re.MULTILINE)
        return sum(map(float, found))


@contextmanager
def crew(store: Path, temporary: Path, begin: tuple[str, ...] = ()) -> Iterator[Crew]:
    temporary.mkdir()
    log = temporary.parent / "log"
    more = {"TMPDIR": str(temporary), "TABI_PREDICTIONS": str(log)}
    with serving(store, "voyage", options=("--workers", "2"), begin=begin, **more) as server:
        yield Crew(server, temporary, log)


@pytest.fixture(scope="module")
def two(harbour: Harbour, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crew]:
    """For tests that leave both workers alive and on the same version."""
    with crew(harbour.store.root, tmp_path_factory.mktemp("crew") / "tmp") as found:
        yield found


def until(true: Callable[[], bool], seconds: float = WAIT_S) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)


def lives(pid: int) -> bool:
    try:
        # a zombie is dead: nobody but its parent is asked to bury it
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Caller(Thread):
    """Predicts with ids of its own until it is told to stop; a connection that breaks is made anew."""

    def __init__(self, server: Server, name: str, stop: Event) -> None:
        super().__init__(daemon=True, name=name)
        self.answered: list[str] = []
        self.refused: list[Any] = []
        self._server = server
        self._until = stop

    def run(self) -> None:
        connection = self._server.connect()
        count = 0
        while not self._until.is_set():
            count += 1
            request_id = f"{self.name}-{count}"
            try:
                connection.request("POST", "/predict", BODY, {"x-request-id": request_id})
                response = connection.getresponse()
                content = json.loads(response.read())
            except (OSError, http.client.HTTPException):
                # its worker was killed: whether it was answered is not known, so it does not count
                connection.close()
                continue
            if response.status == 200:
                assert content["request_id"] == request_id
                self.answered.append(request_id)
            else:
                self.refused.append(content)
        connection.close()


@contextmanager
def calling(server: Server, count: int) -> Iterator[list[Caller]]:
    stop = Event()
    callers = [Caller(server, f"c{number}", stop) for number in range(count)]
    for caller in callers:
        caller.start()
    try:
        yield callers
    finally:
        stop.set()
        for caller in callers:
            caller.join(WAIT_S)


def test_connections_are_shared(two: Crew) -> None:
    address = (two.server.host, two.server.port)
    shares = np.memmap(two.folder / "connections", dtype=np.int64, mode="r")
    until(lambda: int(shares.sum()) == 0)
    clients = [socket.create_connection(address) for _ in range(32)]
    until(lambda: int(shares.sum()) == 32)
    found = shares.tolist()
    for client in clients:
        client.close()
    assert min(found) >= 10


def test_a_reload_reaches_both(two: Crew, harbour: Harbour) -> None:
    before = time.monotonic()
    for path, version in ((f"?path={harbour.path('voyage', harbour.newer)}", harbour.newer), ("", harbour.older)):
        status, _, told = two.server.operate("POST", f"/reload{path}")
        assert (status, told["status"], told["workers"], told["followed"]) == (200, "ok", 2, 2)
        # a connection each: both workers are asked
        answers = {two.server.ask("POST", "/predict", BODY)[2]["version"] for _ in range(40)}
        assert answers == {version}
    assert time.monotonic() - before < WAIT_S


def test_a_file_of_the_folder_that_it_is_started_in_is_no_module(
    harbour: Harbour, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "msgspec.py").write_text("raise SystemExit('taken in')")
    monkeypatch.chdir(tmp_path / "here")
    console = Path(sys.executable).with_name("tabi")
    with crew(harbour.store.root, tmp_path / "tmp", begin=(str(console),)) as found:
        assert found.server.ask("POST", "/predict", BODY)[0] == 200


def test_what_was_answered_by_workers_that_are_killed_under_load_is_logged(two: Crew) -> None:
    restarts = two.metric("tabi_worker_restarts_total")
    with calling(two.server, 6) as callers:
        for number in (0, 1, 0):
            time.sleep(0.2)
            seen = sum(len(caller.answered) for caller in callers)
            before = two.kill(number)
            # the other one goes on answering
            until(lambda: sum(len(caller.answered) for caller in callers) > seen + 20)  # noqa: B023
            until(functools.partial(two.is_back, number, before))
    assert two.metric("tabi_worker_restarts_total") - restarts == 3
    answered = [request_id for caller in callers for request_id in caller.answered]
    assert len(answered) > 60
    assert set(answered) <= {line.id for line in LogReader(two.log)}
    assert [caller.refused for caller in callers if caller.refused] == []


def test_a_kill_takes_nothing_from_the_sums(two: Crew) -> None:
    begin = two.metric("tabi_predictions_total")
    for _ in range(50):
        assert two.server.ask("POST", "/predict", BODY)[0] == 200
    assert two.metric("tabi_predictions_total") == begin + 50
    before = two.kill(0)
    assert two.metric("tabi_predictions_total") == begin + 50
    until(lambda: two.is_back(0, before))
    for _ in range(50):
        assert two.server.ask("POST", "/predict", BODY)[0] == 200
    assert two.metric("tabi_predictions_total") == begin + 100


def test_it_stops_clean_and_leaves_nothing(harbour: Harbour, tmp_path: Path) -> None:
    with crew(harbour.store.root, tmp_path / "tmp") as found:
        pids = [found.pid(number) for number in range(2)]
        code, _, err = found.server.stop()
        assert (code, err) == (0, "")
        assert not any(map(lives, pids))
        assert list(found.temporary.iterdir()) == []


def test_workers_stop_when_their_supervisor_is_killed(harbour: Harbour, tmp_path: Path) -> None:
    with crew(harbour.store.root, tmp_path / "tmp") as found:
        pids = [found.pid(number) for number in range(2)]
        found.server.process.kill()
        found.server.process.wait()
        until(lambda: not any(map(lives, pids)))
        for port in (found.server.port, found.server.admin_port):
            socket.create_server((found.server.host, port)).close()
        assert list(found.temporary.iterdir()) == []


def test_a_worker_that_cannot_start_again_is_tried_later_and_later_while_the_other_answers(
    own_harbour: Harbour, tmp_path: Path
) -> None:
    models = own_harbour.store.root / "models"
    with crew(own_harbour.store.root, tmp_path / "tmp") as found:
        shutil.move(models, tmp_path / "models")
        before = found.kill(0)
        assert found.server.process.stdout is not None
        pauses: list[float] = []
        reasons = []
        while len(pauses) < 3:
            line = json.loads(found.server.process.stdout.readline())
            if pause := re.search(r"started again in (\S+) s", line["message"]):
                pauses.append(float(pause[1]))
            elif "cannot start" in line["message"]:
                reasons.append((line["worker"], line["message"]))
            assert found.server.ask("POST", "/predict", BODY)[0] == 200
        assert pauses == [0.5, 1.0, 2.0]
        assert len(reasons) == 2
        assert all(worker == 0 and "voyage" in message for worker, message in reasons)
        shutil.move(tmp_path / "models", models)
        until(lambda: found.is_back(0, before))
