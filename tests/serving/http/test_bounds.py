"""Slow, silent, greedy and half-open clients: each ends in bounded time, and everybody else is answered meanwhile."""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.serving.conftest import ROW, Harbour, Server, serving
from tests.serving.http.conftest import SCRIPT, MakeServer
from tests.serving.http.raw import PREDICT, Raw, ask, request, resident_mb, until

LARGE = json.dumps({"rows": [ROW] * 3000}).encode()
LINES = ("Content-Type: application/x-ndjson", "Transfer-Encoding: chunked")
# answers of a few bytes a row to rows of three bytes
GREEDY = b'{"rows":[' + b"{}," * 20_000 + b"{}]}"


@pytest.fixture(scope="module")
def impatient(harbour: Harbour) -> Iterator[Server]:
    """A server that waits for half a second at the most."""
    limits = '{"header_time":0.5,"body_time":0.5,"idle_time":0.8,"byte_rate":20000,"in_flight":8,"connections":400}'
    with serving(harbour.store.root, "voyage", begin=(sys.executable, str(SCRIPT), limits)) as running:
        yield running


def good(server: Server) -> bool:
    return ask(server, request()).status == 200


def test_a_slow_head_is_408(impatient: Server) -> None:
    with Raw(impatient) as raw:
        found = None
        for byte in request():
            try:
                raw.send(bytes([byte]))
            except OSError:
                break
            time.sleep(0.02)
        found = raw.answer()
    assert found is not None
    assert (found.status, found.headers["connection"]) == (408, "close")


def test_a_client_that_never_asks_and_one_that_asks_no_more_are_let_go(impatient: Server) -> None:
    with Raw(impatient) as raw:
        began = time.monotonic()
        assert raw.closed()
        assert time.monotonic() - began < 5
    with Raw(impatient) as raw:
        assert raw.send(request()).answer() is not None
        assert raw.closed()


@pytest.mark.parametrize("sent", [request()[:-1], request(body=LARGE, target="/predict_batch")[:-1]])
def test_a_body_that_never_ends_is_408_on_both_ways(impatient: Server, sent: bytes) -> None:
    with Raw(impatient) as raw:
        found = raw.send(sent).answer()
    assert found is not None
    assert found.status == 408


def test_slow_bodies_hold_no_place_of_those_that_may_be_answered_at_once(impatient: Server) -> None:
    slow = [Raw(impatient).send(request()[:-1]) for _ in range(60)]
    slow += [Raw(impatient).send(request(body=LARGE, target="/predict_batch")[:-1]) for _ in range(60)]
    try:
        assert all(good(impatient) for _ in range(20))
        assert ask(impatient, request(target="/predict_batch", body=LARGE)).status == 200
    finally:
        for raw in slow:
            raw.socket.close()


def test_a_length_that_is_said_takes_nothing_from_the_others(limited: MakeServer) -> None:
    server = limited(buffered=1 << 20, body=1 << 20)
    liars = [
        Raw(server).send(
            request(target="/predict_batch", headers=(f"Content-Length: {1 << 20}",), length=False, body=b"{")
        )
        for _ in range(20)
    ]
    assert ask(server, request(target="/predict_batch", body=LARGE)).status == 200
    for raw in liars:
        raw.socket.close()


def test_a_body_that_keeps_its_rate_may_take_its_time(impatient: Server) -> None:
    body = b" " * 60_000 + PREDICT
    sent = request(body=body)
    with Raw(impatient) as raw:
        began = time.monotonic()
        for start in range(0, len(sent), 3000):
            raw.send(sent[start : start + 3000])
            time.sleep(0.06)
        found = raw.answer()
    assert time.monotonic() - began > 1
    assert found is not None
    assert found.status == 200


def test_lines_that_keep_their_rate_are_answered_for_longer_than_a_body_may_stand_still(impatient: Server) -> None:
    with Raw(impatient) as raw:
        raw.send(request(target="/predict_batch", headers=LINES, body=b"", length=False))
        piece = b" " * 3000 + b"{}\n"
        for index in range(20):
            raw.send(b"%x\r\n%b\r\n" % (len(piece), piece))
            if index == 0:
                assert raw.head()[0] == 200
            assert json.loads(raw.part())["row"] == index
            time.sleep(0.06)
        raw.send(b"0\r\n\r\n")


def test_lines_that_stop_are_cut(impatient: Server) -> None:
    with Raw(impatient) as raw:
        raw.send(request(target="/predict_batch", headers=LINES, body=b"", length=False) + b"3\r\n{}\n\r\n")
        assert raw.head()[0] == 200
        assert json.loads(raw.part())["row"] == 0
        assert raw.closed()


def test_one_who_never_reads_is_cut_and_holds_up_nobody(impatient: Server) -> None:
    with socket.socket() as mute:
        mute.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        mute.connect((impatient.host, impatient.port))
        sent = request(target="/predict_batch", body=b'{"rows":[' + b"{}," * 2000 + b"{}]}")
        mute.setblocking(False)
        gone, pending = False, b""

        def push() -> bool:
            nonlocal gone, pending
            try:
                pending = pending or sent
                pending = pending[mute.send(pending) :]
            except BlockingIOError:
                pass
            except OSError:
                gone = True
            assert good(impatient)
            return gone

        assert until(10, push)


def test_memory_is_bounded_while_nobody_reads_large_answers(limited: MakeServer) -> None:
    server = limited(buffered=4 << 20)
    assert ask(server, request(target="/predict_batch", body=GREEDY)).status == 200
    before = resident_mb(server.process.pid)
    mutes = []
    for _ in range(40):
        mute = socket.create_connection((server.host, server.port))
        mute.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        mute.sendall(request(target="/predict_batch", body=GREEDY))
        mutes.append(mute)
    statuses = [good(server) for _ in range(50)]
    # 40 of these answers would be more than 50 MB
    time.sleep(1)
    peak = resident_mb(server.process.pid)
    for mute in mutes:
        mute.close()
    assert all(statuses)
    assert peak - before < 30
    assert until(10, lambda: ask(server, request(target="/predict_batch", body=GREEDY)).status == 200)


def test_too_many_connections_make_room_by_those_that_do_nothing(limited: MakeServer) -> None:
    server = limited(connections=50)
    with Raw(server) as busy:
        idle = [Raw(server) for _ in range(49)]
        time.sleep(1.2)
        assert busy.send(request()).answer() is not None
        # everybody new is answered, and so is the one that was busy just now
        fresh = [Raw(server) for _ in range(20)]
        for raw in [*fresh, busy]:
            found = raw.send(request()).answer()
            assert found is not None
            assert found.status == 200
        for raw in [*fresh, *idle]:
            raw.socket.close()


def test_a_connection_too_many_is_503_where_nobody_idles(limited: MakeServer) -> None:
    server = limited(connections=10)
    held = [Raw(server).send(request()[:-1]) for _ in range(10)]
    with Raw(server) as extra:
        found = extra.answer()
    assert found is not None
    assert (found.status, found.headers["retry-after"]) == (503, "1")
    for raw in held:
        answer = raw.send(request()[-1:]).answer()
        assert answer is not None
        assert answer.status == 200
        raw.socket.close()


def test_a_flood_of_large_bodies_is_503_before_memory_grows(limited: MakeServer) -> None:
    server = limited(buffered=16 << 20, body=8 << 20)
    before = resident_mb(server.process.pid)
    large = b'{"rows":[' + b"{}," * 1000 + b"{}]" + b" " * (7 << 20) + b"}"
    head = request(target="/predict_batch", body=large)[:-1]
    flood = [Raw(server) for _ in range(20)]
    for raw in flood:
        with suppress(OSError):
            raw.send(head)
    assert all(good(server) for _ in range(20))
    assert resident_mb(server.process.pid) - before < 60
    answers = []
    for raw in flood:
        with suppress(OSError):
            raw.send(b"}")
        answers.append(raw.answer())
        raw.socket.close()
    statuses = [answer.status for answer in answers if answer is not None]
    assert set(statuses) == {200, 503}
    assert {a.headers["retry-after"] for a in answers if a is not None and a.status == 503} == {"1"}


def test_half_open_connections_leave_nothing(limited: MakeServer) -> None:
    server = limited(header_time=0.4, idle_time=0.4)
    descriptors = Path(f"/proc/{server.process.pid}/fd")
    assert good(server)
    before = len(list(descriptors.iterdir()))
    half = [Raw(server).send(b"POST /predict HTTP/1.1\r\nHo") for _ in range(100)]
    assert good(server)
    assert until(10, lambda: len(list(descriptors.iterdir())) <= before + 2)
    for raw in half:
        raw.socket.close()
