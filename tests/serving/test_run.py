"""The end of a worker: what is in flight is finished, what its client does not finish is not waited for."""

from __future__ import annotations

import json
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import pytest

from tests.serving.conftest import ROW, Harbour, Server, serving

BODY = json.dumps({"features": ROW}).encode()
HEAD = b"POST /predict HTTP/1.1\r\nHost: tabi\r\nContent-Length: %d\r\n\r\n" % len(BODY)
GRACE_S = 2.0


@contextmanager
def short(harbour: Harbour, *options: str) -> Iterator[Server]:
    short_grace = ("--limit", f"grace={GRACE_S}")
    with serving(harbour.store.root, "voyage", options=(*options, *short_grace)) as server:
        yield server


@contextmanager
def beginning(server: Server, sent: bytes) -> Iterator[socket.socket]:
    """A client whose request has been begun, and nothing more of it comes by itself."""
    with socket.create_connection((server.host, server.port), timeout=30) as client:
        client.sendall(sent)
        # it is on its way through the same door as this one
        assert server.ask("POST", "/predict", BODY)[0] == 200
        yield client


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_client_that_never_finishes_holds_it_no_longer_than_the_grace_period(
    harbour: Harbour, workers: str, number: signal.Signals
) -> None:
    with short(harbour, "--workers", workers) as server, beginning(server, HEAD + BODY[:5]):
        began = time.monotonic()
        server.process.send_signal(number)
        _, err = server.process.communicate(timeout=30)
        lasted = time.monotonic() - began
    assert (server.process.returncode, err) == (0, "")
    # it did wait, and not for the minute that a body may take
    assert GRACE_S - 0.5 < lasted < 15


@pytest.mark.parametrize("workers", ["1", "2"])
def test_slow_clients_in_flight_are_answered_to_the_end(harbour: Harbour, workers: str) -> None:
    answers: list[bytes] = []

    def send_slowly(client: socket.socket, go_on: Event) -> None:
        go_on.wait(30)
        for byte in BODY[5:]:
            client.sendall(bytes([byte]))
            time.sleep(0.005)
        answers.append(client.makefile("rb").read())

    with (
        serving(harbour.store.root, "voyage", options=("--workers", workers)) as server,
        beginning(server, HEAD + BODY[:5]) as one,
        beginning(server, HEAD + BODY[:5]) as other,
    ):
        go_on = Event()
        clients = [Thread(target=send_slowly, args=(client, go_on)) for client in (one, other)]
        for client in clients:
            client.start()
        server.process.terminate()
        refused(server)
        go_on.set()
        for client in clients:
            client.join(30)
        _, err = server.process.communicate(timeout=30)
    assert (server.process.returncode, err) == (0, "")
    assert [answer.startswith(b"HTTP/1.1 200 ") for answer in answers] == [True, True]


def refused(server: Server) -> None:
    """Wait until nobody is let in any more: at once, and not when the last request has ended."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            socket.create_connection((server.host, server.port), timeout=1).close()
        except OSError:
            return
        time.sleep(0.02)
    pytest.fail("connections are still taken")


def test_a_connection_that_only_waits_is_closed_at_once(harbour: Harbour) -> None:
    with serving(harbour.store.root, "voyage") as server:
        idle = server.connect()
        idle.request("POST", "/predict", BODY)
        assert idle.getresponse().read()
        assert server.stop()[0] == 0
        idle.close()


def test_a_signal_before_it_answers_ends_it_clean(harbour: Harbour, tmp_path: object) -> None:
    """While the model is being loaded, which takes as long as it is told to here."""
    code = """
import os, time
from tabi.serving import model
opened = model.Model.open
def slow(folder, trust=None):
    print("serving http://127.0.0.1:1 (http://127.0.0.1:2)", flush=True)
    time.sleep(30)
model.Model.open = slow
from tabi.cli.main import main
main()
"""
    for number in (signal.SIGTERM, signal.SIGINT):
        with serving(harbour.store.root, "voyage", begin=(sys.executable, "-c", code), TMPDIR=str(tmp_path)) as server:
            server.process.send_signal(number)
            _, err = server.process.communicate(timeout=20)
        assert (server.process.returncode, err) == (0, "")
        assert list(tmp_path.iterdir()) == []  # type: ignore[attr-defined]
