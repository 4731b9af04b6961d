"""What a connection does with bytes of any kind: answers in order, bounds, and nothing that a client can bend."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tabi.serving.http.bounds import MAX_HEADERS, MAX_QUEUED, MAX_URL
from tests.serving.conftest import ROW, Server
from tests.serving.http.raw import PREDICT, Answer, Raw, ask, request

PROBLEM = "application/problem+json"


def check_problem(answer: Answer, status: int) -> None:
    assert answer.status == status
    assert answer.headers["content-type"] == PROBLEM
    assert answer.json()["status"] == status
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert (answer.headers["x-content-type-options"], answer.headers["cache-control"]) == ("nosniff", "no-store")


def ids(answers: list[Answer]) -> list[str]:
    return [answer.headers["x-request-id"] for answer in answers]


# in order


def test_pipelined_requests_of_both_ways_are_answered_in_their_order(server: Server) -> None:
    kinds: list[dict[str, Any]] = [
        {},
        {"target": "/predict_batch", "body": json.dumps({"rows": [ROW] * 3}).encode()},
        {"method": "GET", "target": "/health", "body": b""},
        {"target": "/predict", "body": b"{"},
        {"method": "GET", "target": "/nowhere", "body": b""},
        {"target": "/predict_batch", "body": json.dumps({"rows": [ROW] * 300}).encode()},
    ]
    sent = b"".join(request(**kind, headers=(f"X-Request-ID: {index}",)) for index, kind in enumerate(kinds * 12))
    with Raw(server) as raw:
        raw.send(sent + request("GET", "/livez", b"", ("Connection: close", "X-Request-ID: last")))
        answers = raw.answers()
    assert ids(answers) == [*map(str, range(72)), "last"]
    assert [answer.status for answer in answers] == [200, 200, 200, 422, 404, 200] * 12 + [200]


def test_requests_in_one_segment_have_the_answers_that_each_has_alone(server: Server) -> None:
    rows = [{**ROW, "age": age} for age in range(40)]
    bodies = [json.dumps({"features": row}).encode() for row in rows]
    with Raw(server) as raw:
        raw.send(b"".join(request(body=body) for body in bodies))
        together = [raw.answer() for _ in bodies]
    for body, found in zip(bodies, together, strict=True):
        assert found is not None
        assert found.json()["probability"] == ask(server, request(body=body)).json()["probability"]


def test_what_is_wrong_is_said_after_the_answers_before_it(server: Server) -> None:
    with Raw(server) as raw:
        first, second = raw.send(request() + b"what is this\r\n\r\n" + request()).answers()
    assert first.status == 200
    check_problem(second, 400)
    assert second.headers["connection"] == "close"


def test_thousands_of_pipelined_requests_are_answered_or_told_to_wait(server: Server) -> None:
    count = 3 * MAX_QUEUED
    small = b"GET /livez HTTP/1.1\r\nHost: t\r\n\r\n"
    with Raw(server) as raw:
        answers = raw.send(small * count + request("GET", "/livez", b"", ("Connection: close",))).answers()
    statuses = [answer.status for answer in answers]
    assert statuses[:MAX_QUEUED] == [200] * MAX_QUEUED
    assert statuses.count(200) == len(statuses) if len(statuses) > count else statuses[-1] == 429


def test_requests_one_after_the_other_in_small_pieces_are_no_head_that_is_too_large(server: Server) -> None:
    # 100 kB in one segment, cut within the last head
    sent = request(headers=("X-Filler: " + "x" * 1000,)) * 70
    with Raw(server) as raw:
        raw.send(sent + request()[:20])
        statuses = [raw.answer().status for _ in range(70)]  # type: ignore[union-attr]
        raw.send(request()[20:])
        last = raw.answer()
    assert statuses == [200] * 70
    assert last is not None
    assert last.status == 200


# shapes that two readers may read differently


SMUGGLED = {
    "length and chunks": ("Content-Length: 5", "Transfer-Encoding: chunked"),
    "chunks and length": ("Transfer-Encoding: chunked", "Content-Length: 5"),
    "two lengths": ("Content-Length: 5", "Content-Length: 6"),
    "the same length twice": ("Content-Length: 5", "Content-Length: 5"),
    "a list of lengths": ("Content-Length: 5, 5",),
    "a signed length": ("Content-Length: +5",),
    "a negative length": ("Content-Length: -5",),
    "a hexadecimal length": ("Content-Length: 0x5",),
    "an empty length": ("Content-Length: ",),
    "a length over 64 bits": ("Content-Length: " + "9" * 30,),
    "chunks not last": ("Transfer-Encoding: chunked, gzip",),
    "no chunks": ("Transfer-Encoding: identity",),
    "chunks twice": ("Transfer-Encoding: chunked", "Transfer-Encoding: identity"),
    "a space before the colon": ("Transfer-Encoding : chunked",),
    "a folded line": ("X: a\r\n b",),
    "a bare line feed": ("X: a\nTransfer-Encoding: chunked",),
    "a zero byte": ("X: a\0b",),
    "a name of other bytes": ("X\x80: b",),
    "two hosts": ("Host: other",),
}


@pytest.mark.parametrize("headers", SMUGGLED.values(), ids=SMUGGLED)
def test_a_head_of_two_meanings_is_400_and_ends_the_connection(server: Server, headers: tuple[str, ...]) -> None:
    inner = b"5\r\nhello\r\n0\r\n\r\n" + request("GET", "/health", b"")
    with Raw(server) as raw:
        (only,) = raw.send(request(headers=headers, body=b"", length=False) + inner).answers()
    check_problem(only, 400)
    assert only.headers["connection"] == "close"


def test_a_request_without_a_host_is_400(server: Server) -> None:
    check_problem(ask(server, b"GET /health HTTP/1.1\r\n\r\n"), 400)
    check_problem(ask(server, b"POST /predict HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"), 400)


def test_thousands_of_zeros_before_a_length_are_still_that_length(server: Server) -> None:
    head = f"POST /predict HTTP/1.1\r\nHost: t\r\nContent-Length: {'0' * 5000}{len(PREDICT)}\r\n\r\n"
    assert ask(server, head.encode() + PREDICT).status == 200


def test_headers_behind_a_body_are_none(server: Server) -> None:
    body = b"%x\r\n%b\r\n0\r\nContent-Type: text/csv\r\nX-Request-ID: behind\r\n\r\n" % (len(PREDICT), PREDICT)
    sent = request(headers=("Transfer-Encoding: chunked", "X-Request-ID: before"), length=False, body=b"") + body
    found = ask(server, sent)
    assert (found.status, found.headers["x-request-id"]) == (200, "before")


@pytest.mark.parametrize(
    ("method", "status"), [("TRACE", 405), ("PUT", 405), ("QUERY", 405), ("get", 400), ("X Y", 400)]
)
def test_methods_that_no_route_takes_are_refused(server: Server, method: str, status: int) -> None:
    check_problem(ask(server, request(method, "/predict", b"")), status)


@pytest.mark.parametrize(
    "target", ["example.org:80", "*", "/%", "//predict", "/predict%00", "/..%2fpredict", "http://a"]
)
def test_targets_that_are_no_route_are_refused(server: Server, target: str) -> None:
    for method in ("GET", "CONNECT", "OPTIONS"):
        assert 400 <= ask(server, request(method, target, b"")).status < 500, method


@pytest.mark.parametrize("target", ["http://tabi/predict", "/%70redict", "/predict?a=b", "/predict#part"])
def test_other_spellings_of_a_route_are_that_route(server: Server, target: str) -> None:
    assert ask(server, request(target=target)).status == 200


def test_an_older_client_is_answered_and_let_go(server: Server) -> None:
    for keep in ((), ("Connection: keep-alive",)):
        with Raw(server) as raw:
            (only,) = raw.send(request(version="1.0", headers=keep) + request()).answers()
        assert (only.status, only.headers["connection"]) == (200, "close")
    with Raw(server) as raw:
        raw.send(
            request(
                target="/predict_batch", version="1.0", headers=("Content-Type: application/x-ndjson",), body=b"{}\n"
            )
        )
        assert raw.head()[1].get("transfer-encoding") is None
        assert json.loads(raw.socket.makefile("rb").read() or raw._rest)["row"] == 0


def test_another_version_is_400(server: Server) -> None:
    for version in ("2.0", "0.9", "1.2", "3"):
        check_problem(ask(server, request(version=version)), 400)
    check_problem(ask(server, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 400)


def test_a_request_to_upgrade_is_answered_and_what_follows_is_not_read(server: Server) -> None:
    upgrade = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: x", "Sec-WebSocket-Version: 13")
    with Raw(server) as raw:
        (only,) = raw.send(request("GET", "/health", b"", upgrade) + request("GET", "/health", b"")).answers()
    assert (only.status, only.headers["connection"]) == (200, "close")


def test_a_client_that_waits_to_be_told_is_told(server: Server) -> None:
    with Raw(server) as raw:
        first = raw.send(request(headers=("Expect: 100-continue",))[: -len(PREDICT)]).answer()
        assert first is not None
        assert first.status == 100
        second = raw.send(PREDICT).answer()
        assert second is not None
        assert second.status == 200


def test_a_transfer_coding_that_is_not_known_is_501(server: Server) -> None:
    headers = ("Transfer-Encoding: gzip, chunked", "Content-Type: application/json")
    with Raw(server) as raw:
        found = raw.send(request(body=b"0\r\n\r\n", headers=headers, length=False)).answer()
        assert found is not None
        check_problem(found, 501)
        assert raw.closed()


def test_a_body_that_is_too_long_is_refused_before_it_is_sent(server: Server) -> None:
    huge = f"POST /predict HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: {10**12}\r\n\r\n"
    with Raw(server) as raw:
        found = raw.send(huge.encode()).answer()
        assert found is not None
        check_problem(found, 413)
        assert raw.closed()


def test_who_sends_on_after_a_refusal_can_read_it(server: Server) -> None:
    with Raw(server) as raw:
        raw.send(f"POST /predict HTTP/1.1\r\nHost: t\r\nContent-Length: {10**9}\r\n\r\n".encode())
        sent = 0
        while sent < 30 << 20:
            try:
                raw.send(b"x" * (1 << 20))
            except OSError:
                break
            sent += 1 << 20
        found = raw.answer()
    assert found is not None
    check_problem(found, 413)


# bounds


def test_a_head_that_is_too_large_is_431_however_it_comes(server: Server) -> None:
    large = tuple(f"X-{index}: " + "x" * 4000 for index in range(20))
    check_problem(ask(server, request(headers=large)), 431)
    with Raw(server) as raw:
        raw.send(request()[:30])
        time.sleep(0.05)
        for _ in range(40):
            raw.send(b"X-A: " + b"x" * 1000 + b"\r\n")
            time.sleep(0.002)
        found = raw.answer()
    assert found is not None
    check_problem(found, 431)


def test_a_header_line_that_never_ends_is_431(server: Server) -> None:
    with Raw(server) as raw:
        raw.send(b"POST /predict HTTP/1.1\r\nHost: t\r\nX: ")
        for _ in range(200):
            time.sleep(0.001)
            try:
                raw.send(b"x" * 1000)
            except OSError:
                break
        found = raw.answer()
    assert found is not None
    check_problem(found, 431)


def test_many_headers_are_431_and_a_long_url_414(server: Server) -> None:
    check_problem(ask(server, request(headers=("A: b",) * (MAX_HEADERS + 1))), 431)
    check_problem(ask(server, request(target="/" + "x" * MAX_URL)), 414)
    assert ask(server, request(headers=("A: b",) * (MAX_HEADERS - 5))).status == 200


def test_a_body_in_chunks_of_a_byte_is_a_body_and_one_of_mostly_extensions_is_400(server: Server) -> None:
    tiny = b"".join(b"1\r\n%c\r\n" % byte for byte in PREDICT) + b"0\r\n\r\n"
    chunked = ("Transfer-Encoding: chunked",)
    assert ask(server, request(headers=chunked, body=b"", length=False) + tiny).status == 200
    with Raw(server) as raw:
        raw.send(request(headers=chunked, body=b"", length=False))
        for _ in range(100):
            try:
                raw.send(b"1;x=" + b"x" * 20_000 + b"\r\n{\r\n")
            except OSError:
                break
        found = raw.answer()
    assert found is not None
    check_problem(found, 400)


def test_a_client_that_sends_no_more_is_still_answered(server: Server) -> None:
    import socket

    with Raw(server) as raw:
        raw.send(request() * 3).socket.shutdown(socket.SHUT_WR)
        assert [answer.status for answer in raw.answers()] == [200] * 3
    with Raw(server) as raw:
        raw.send(request()[:-5]).socket.shutdown(socket.SHUT_WR)
        assert raw.closed()


def test_refusals_leave_the_others_alone(server: Server) -> None:
    with Raw(server) as good:
        for index in range(30):
            with Raw(server) as bad:
                bad.send(b"\x16\x03\x01" + bytes([index]) * 50)
                found = bad.answer()
                assert found is not None
                check_problem(found, 400)
            answer = good.send(request()).answer()
            assert answer is not None
            assert answer.status == 200


# both ways


header_sets = st.lists(
    st.sampled_from(["X-Request-ID: a-b", "Accept: */*", "Content-Type: application/json", "X-Other: 1"]), unique=True
)
bodies = st.sampled_from(
    [
        PREDICT,
        b"{}",
        b"[",
        b'{"features":{"age":1e400}}',
        b'{"features":{"sex":1,"zone":2}}',
        json.dumps({"rows": [ROW] * 2}).encode(),
        b'{"rows":[{},{"age":[]}]}',
        b'{"columns":{"age":[1,2]}}',
        b'{"inputs":[{"name":"age","datatype":"FP64","shape":[1],"data":[3]}]}',
        b'{"dataframe_records":[{"age":1,"fare":2,"sex":"male","city":"x"}]}',
    ]
)
targets = st.sampled_from(
    ["/predict", "/predict_batch", "/invocations", "/v2/models/voyage/infer", "/models/voyage/predict"]
)


def comparable(answer: Answer) -> tuple[int, dict[str, str], bytes]:
    """Without what is new with each request."""
    headers = {name: value for name, value in answer.headers.items() if name != "date"}
    own = headers["x-request-id"]
    if own == "a-b":
        return answer.status, headers, answer.body
    return answer.status, {**headers, "x-request-id": ""}, answer.body.replace(own.encode(), b"")


@given(targets, header_sets, bodies)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_short_way_and_the_long_way_give_the_same_answer(
    server: Server, target: str, headers: list[str], body: bytes
) -> None:
    with Raw(server) as raw:
        short = raw.send(request(target=target, headers=tuple(headers), body=body)).answer()
        # in chunks it is no plain request
        chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
        chunked = (*headers, "Transfer-Encoding: chunked")
        long = raw.send(request(target=target, headers=chunked, body=b"", length=False) + chunks).answer()
    assert short is not None
    assert long is not None
    assert comparable(short) == comparable(long)


# any bytes


verbs = st.sampled_from([b"GET", b"POST", b"HEAD", b"OPTIONS", b"X", b"", b"POST /predict"])
names = st.sampled_from([b"Host", b"Content-Length", b"Transfer-Encoding", b"Expect", b"Connection", b"Upgrade", b"X"])
values = st.sampled_from([b"5", b"-1", b"chunked", b"100-continue", b"close", b"upgrade", b"\xff", b"", b"99999999"])
lines = st.tuples(
    names | st.binary(max_size=6), st.sampled_from([b": ", b":", b" : ", b""]), values | st.binary(max_size=9)
)
raw_heads = st.builds(
    lambda verb, path, version, found, end: (
        verb
        + b" "
        + path
        + b" "
        + version
        + b"\r\n"
        + b"".join(name + colon + value + b"\r\n" for name, colon, value in found)
        + end
    ),
    verbs,
    st.sampled_from([b"/predict", b"/predict_batch", b"*", b"/%ff", b"http://x/livez", b""]) | st.binary(max_size=8),
    st.sampled_from([b"HTTP/1.1", b"HTTP/1.0", b"HTTP/9", b""]),
    st.lists(lines, max_size=5),
    st.sampled_from([b"\r\n", b"\r\n5\r\nhello\r\n0\r\n\r\n", b"\n\n", b"", b"\r\n{}", b"\r\n" + b"{" * 400]),
)


@given(st.lists(raw_heads | st.binary(max_size=200) | st.just(request()), min_size=1, max_size=4), st.booleans())
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_answered_below_500_or_not_at_all_and_harm_nobody(
    server: Server, pieces: list[bytes], together: bool
) -> None:
    import socket

    with Raw(server) as raw:
        try:
            if together:
                raw.send(b"".join(pieces))
            else:
                for piece in pieces:
                    raw.send(piece)
            raw.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        raw.socket.settimeout(10)
        data = b""
        try:
            while part := raw.socket.recv(1 << 16):
                data += part
        except ConnectionResetError:
            pass
    statuses = [line.split(b" ")[1] for line in data.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
    assert all(b"100" <= status < b"500" for status in statuses), data
    assert server.process.poll() is None


def test_a_large_request_whose_client_has_left_is_not_begun(server: Server) -> None:
    import socket as sockets

    large = request(target="/predict_batch", body=json.dumps({"rows": [ROW] * 20_000}).encode())
    for _ in range(60):
        client = sockets.create_connection((server.host, server.port))
        client.sendall(large)
        client.close()
    began = time.monotonic()
    assert ask(server, large).status == 200
    alone = time.monotonic()
    assert ask(server, large).status == 200
    # not a matter of speed: 60 answers would take sixty times as long as one
    assert alone - began < 20 * (time.monotonic() - alone)
