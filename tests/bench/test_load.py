"""Every request that was begun is told once, whatever the server does to it."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from tabi.bench.load import Plan, run_load
from tabi.bench.tally import LoadResult
from tabi.errors import ConfigError
from tests.bench.conftest import Answer, Faulty, response

BODIES = [b'{"n":0}', b'{"n":1}', b'{"n":22222}']
Start = Callable[[Answer], Faulty]


def plan(url: str, **more: object) -> Plan:
    given: dict[str, object] = {"seconds": None, "warm_up": 0.0, "connections": 4, "bodies": BODIES, **more}
    return Plan(url, **given)  # type: ignore[arg-type]


def is_whole(result: LoadResult) -> bool:
    return result.sent == result.answered + result.errors


async def well(_number: int, writer: asyncio.StreamWriter) -> None:
    writer.write(response())


def test_a_count_is_sent_exactly_and_the_bodies_take_turns(faulty: Start) -> None:
    with faulty(well) as server:
        result = run_load(plan(server.url, count=100))
        assert server.connections == 4
    assert (result.requests, result.sent, result.answered, result.errors) == (100, 100, 100, 0)
    assert sorted(server.bodies) == sorted(BODIES[i % 3] for i in range(100))
    assert result.reconnects == 0


def test_an_answer_in_pieces_is_one_answer(faulty: Start) -> None:
    body = b'{"label": "yes"}' * 5000
    whole = response(body)
    cuts = [1, 9, 16, 20, 39, 41, 43, 70_000]

    async def in_pieces(_number: int, writer: asyncio.StreamWriter) -> None:
        for begin, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
            writer.write(whole[begin:end])
            await writer.drain()
            await asyncio.sleep(0.002)

    with faulty(in_pieces) as server:
        result = run_load(plan(server.url, count=6, sample_every=1))
    assert (result.requests, result.errors) == (6, 0)
    assert [sample.answer for sample in result.samples] == [body] * 6


def test_latency_is_what_the_server_took(faulty: Start) -> None:
    async def slow(number: int, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.3 if number == 5 else 0.05)
        writer.write(response())

    with faulty(slow) as server:
        result = run_load(plan(server.url, count=20, connections=1))
    assert result.p50_ms is not None
    assert result.max_ms is not None
    # a busy machine makes it longer, never shorter
    assert 50 <= result.p50_ms <= result.max_ms
    assert result.max_ms >= 300
    assert result.seconds >= 19 * 0.05 + 0.3
    assert result.rps == pytest.approx(20 / result.seconds)


def test_the_warm_up_does_not_count(faulty: Start) -> None:
    async def cold(number: int, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.4 if number < 2 else 0.02)
        writer.write(response())

    with faulty(cold) as server:
        result = run_load(plan(server.url, seconds=0.5, warm_up=1.0, connections=2))
    assert is_whole(result)
    assert result.seconds == pytest.approx(0.5)
    assert 0 < result.requests <= result.answered - 2


def test_other_statuses_are_told_apart_and_do_not_count_as_throughput(faulty: Start) -> None:
    async def sometimes(number: int, writer: asyncio.StreamWriter) -> None:
        writer.write(response(b"no", "503 Service Unavailable") if number % 5 == 0 else response())

    with faulty(sometimes) as server:
        result = run_load(plan(server.url, count=100))
    assert result.statuses == {503: 20}
    assert (result.requests, result.errors, result.failures) == (80, 20, {})
    assert is_whole(result)


@pytest.mark.parametrize("partly", [b"", b"HTTP/1.1 200 OK\r\nContent-", response(b"x" * 50)[:-10]])
def test_a_dropped_connection_is_a_failure_and_the_lane_goes_on(faulty: Start, partly: bytes) -> None:
    async def drops(number: int, writer: asyncio.StreamWriter) -> None:
        writer.write(partly if number % 10 == 3 else response())
        if number % 10 == 3:
            await writer.drain()
            writer.close()

    with faulty(drops) as server:
        result = run_load(plan(server.url, count=100))
    assert result.failures == {"dropped": 10}
    assert (result.requests, result.sent) == (90, 100)
    assert result.reconnects == server.connections - 4


def test_a_reset_is_a_failure(faulty: Start) -> None:
    async def resets(number: int, writer: asyncio.StreamWriter) -> None:
        if number == 7:
            writer.transport.abort()
        else:
            writer.write(response())

    with faulty(resets) as server:
        result = run_load(plan(server.url, count=40))
    assert result.failures == {"dropped": 1}
    assert is_whole(result)


@pytest.mark.parametrize(
    "odd",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n{}",
        b"HTTP/1.1 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"SSH-2.0-server\r\n",
        response() + b"and more",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000,
    ],
)
def test_an_answer_whose_end_is_unknown_is_a_failure(faulty: Start, odd: bytes) -> None:
    async def answers_oddly(number: int, writer: asyncio.StreamWriter) -> None:
        writer.write(odd if number == 4 else response())

    with faulty(answers_oddly) as server:
        result = run_load(plan(server.url, count=20))
    assert result.failures == {"framing": 1}
    assert is_whole(result)


def test_nobody_listening_fails_every_request() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    result = run_load(plan(f"http://127.0.0.1:{port}/", count=12))
    assert (result.failures, result.sent, result.requests) == ({"connect": 12}, 12, 0)
    assert result.p99_ms is None


def test_a_server_that_closes_after_each_answer_costs_connections_and_no_failure(faulty: Start) -> None:
    async def closes(_number: int, writer: asyncio.StreamWriter) -> None:
        writer.write(response(b"{}", "200 OK", "Connection: close"))
        writer.close()

    with faulty(closes) as server:
        result = run_load(plan(server.url, count=30))
        assert server.connections == 30
    assert (result.requests, result.errors, result.reconnects) == (30, 0, 26)


def test_what_is_never_answered_is_told_when_the_grace_is_over(faulty: Start) -> None:
    async def hangs(number: int, writer: asyncio.StreamWriter) -> None:
        if number != 9:
            writer.write(response())

    with faulty(hangs) as server:
        result = run_load(plan(server.url, count=40, grace=0.3))
    assert result.failures == {"no_answer": 1}
    assert (result.requests, result.sent) == (39, 40)


def test_samples_tell_which_body_they_answer(faulty: Start) -> None:
    with faulty(well) as server:

        async def echo(number: int, writer: asyncio.StreamWriter) -> None:
            writer.write(response(server.bodies[number]))

        server._answer = echo
        result = run_load(plan(server.url, count=50, sample_every=5, connections=1))
        few = run_load(plan(server.url, count=50, sample_every=1, max_samples=7))
    assert len(result.samples) == 10
    assert all(sample.answer == BODIES[sample.body] and sample.status == 200 for sample in result.samples)
    assert len(few.samples) == 7


def test_a_fixed_rate_sends_what_is_due_and_a_stall_is_in_the_latencies(faulty: Start) -> None:
    async def stalls(number: int, writer: asyncio.StreamWriter) -> None:
        if number == 10:
            await asyncio.sleep(0.5)
        writer.write(response())

    with faulty(stalls) as server:
        result = run_load(plan(server.url, seconds=1.0, rate=100.0, connections=1))
    assert (result.sent, result.requests, result.errors) == (100, 100, 0)
    # 50 requests became due behind the stall and waited 250 ms on average; a closed loop would show one of 500 ms
    assert result.p90_ms is not None
    assert result.p90_ms > 300
    assert result.max_ms is not None
    assert result.max_ms >= 500


def test_at_a_fixed_rate_what_was_due_and_never_sent_is_told(faulty: Start) -> None:
    async def hangs(number: int, writer: asyncio.StreamWriter) -> None:
        if number < 10:
            writer.write(response())

    with faulty(hangs) as server:
        result = run_load(plan(server.url, seconds=0.5, rate=100.0, connections=2, grace=0.6))
    assert (result.sent, result.answered, result.failures) == (50, 10, {"no_answer": 40})


def test_a_connection_that_closes_while_it_is_idle_is_no_failure(faulty: Start) -> None:
    async def closes_later(_number: int, writer: asyncio.StreamWriter) -> None:
        writer.write(response())
        await asyncio.sleep(0.02)
        writer.close()

    with faulty(closes_later) as server:
        result = run_load(plan(server.url, count=4, rate=4.0, connections=1))
        assert server.connections == 4
    assert (result.requests, result.errors) == (4, 0)


@pytest.mark.parametrize(
    "wrong",
    [{"bodies": []}, {"connections": 0}, {"count": None}, {"rate": 0.0}, {"url": "https://host/"}, {"url": "host:80"}],
)
def test_a_plan_that_cannot_run_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        plan(**{"url": "http://127.0.0.1:1/", "count": 1, **wrong})  # type: ignore[arg-type]


def test_as_a_process_it_prints_one_json_line(faulty: Start, tmp_path: Path) -> None:
    bodies = tmp_path / "bodies.ndjson"
    bodies.write_bytes(b"\n".join(BODIES) + b"\n")
    command = [sys.executable, "-W", "error", "-m", "tabi.bench.load"]
    with faulty(well) as server:
        arguments = [server.url, "--bodies", str(bodies), "-c", "3", "-n", "50", "--warm-up", "0", "--core", "0"]
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1
    told = json.loads(done.stdout)
    assert (told["requests"], told["sent"], told["failures"]) == (50, 50, {})
    wrong = subprocess.run([*command, "nowhere", "--bodies", str(bodies)], capture_output=True, text=True, check=False)
    assert wrong.returncode == 2
    assert "Traceback" not in wrong.stderr


def test_a_long_line_reaches_a_pipe_whole_whatever_pythons_buffering(faulty: Start, tmp_path: Path) -> None:
    async def long(_number: int, writer: asyncio.StreamWriter) -> None:
        writer.write(response(b"x" * 20_000))

    bodies = tmp_path / "bodies.ndjson"
    bodies.write_bytes(b"\n".join(BODIES))
    with faulty(long) as server:
        command = [sys.executable, "-m", "tabi.bench.load", server.url, "--bodies", str(bodies), "-n", "300"]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        more = ["--warm-up", "0", "--sample-every", "1"]
        done = subprocess.run([*command, *more], capture_output=True, env=environment, check=True, timeout=60)
    assert len(msgspec.json.decode(done.stdout, type=LoadResult).samples) == 300
