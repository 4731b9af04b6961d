"""Faults between client and server: what is sent again, what is not, and what the caller is told."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tabi.client import (
    AccessError,
    AnyReply,
    Client,
    ClientError,
    ConflictError,
    FailedError,
    InputError,
    LateError,
    NoAnswerError,
    PredictReply,
    ProblemError,
    RefusedError,
    ReplyError,
    Retry,
    UnavailableError,
    UnknownError,
)
from tests.client.conftest import Call
from tests.client.faults import (
    PROBLEM,
    REPLY,
    Deed,
    FaultyServer,
    answer,
    drip,
    drop,
    free_url,
    half,
    hang,
    ids,
    problem,
)
from tests.serving.conftest import ROW

QUICK = Retry(attempts=3, first=0.001)
WORD = "s3cret"


def predict(client: Any) -> Any:
    return client.predict(ROW)


def label_of(reply: AnyReply) -> str:
    assert isinstance(reply, PredictReply)
    return reply.label


@pytest.mark.parametrize(
    "fault", [drop, half, *map(problem, (429, 502, 503, 504))], ids=["drop", "half", "429", "502", "503", "504"]
)
def test_what_may_pass_is_sent_again_under_the_same_id(call: Call, faulty: FaultyServer, fault: Deed) -> None:
    faulty.will(fault, fault, answer())
    assert call(faulty.url, predict, retry=QUICK).label == "yes"
    assert len(faulty.received) == 3
    assert len(ids(faulty.received)) == 1
    assert {request.body for request in faulty.received} == {
        json.dumps({"features": ROW}, ensure_ascii=False, separators=(",", ":")).encode()
    }


@pytest.mark.parametrize(
    ("fault", "kind"),
    [(drop, NoAnswerError), (half, NoAnswerError), (problem(503), UnavailableError), (problem(429), UnavailableError)],
    ids=["drop", "half", "503", "429"],
)
def test_attempts_end(call: Call, faulty: FaultyServer, fault: Deed, kind: type[ClientError]) -> None:
    faulty.will(fault)
    with pytest.raises(kind) as raised:
        call(faulty.url, predict, retry=QUICK)
    assert len(faulty.received) == QUICK.attempts
    assert {raised.value.request_id} == ids(faulty.received)
    assert raised.value.request_id in str(raised.value)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RefusedError),
        (401, AccessError),
        (403, AccessError),
        (404, UnknownError),
        (409, ConflictError),
        (413, RefusedError),
        (415, RefusedError),
        (422, RefusedError),
        (500, FailedError),
        (599, FailedError),
    ],
)
def test_any_other_problem_is_an_error_at_once(
    call: Call, faulty: FaultyServer, status: int, kind: type[ProblemError]
) -> None:
    faulty.will(problem(status))
    with pytest.raises(kind) as raised:
        call(faulty.url, predict, retry=QUICK)
    assert (raised.value.status, raised.value.title, raised.value.detail) == (status, "Not so", "it was told so")
    assert {raised.value.request_id} == ids(faulty.received)
    assert len(faulty.received) == 1


def test_a_server_that_is_not_there_is_told_with_the_id(call: Call) -> None:
    with pytest.raises(NoAnswerError, match="the server cannot be reached, 3 times") as raised:
        call(free_url(), predict, retry=QUICK)
    assert raised.value.request_id in str(raised.value)


@pytest.mark.parametrize("fault", [hang, drip])
def test_the_deadline_ends_a_call_whatever_the_server_does(call: Call, faulty: FaultyServer, fault: Deed) -> None:
    faulty.will(fault)
    with pytest.raises(LateError):
        call(faulty.url, predict, retry=QUICK, deadline=0.2)
    assert len(faulty.received) == 1


def test_a_slow_answer_is_not_asked_for_twice(call: Call, faulty: FaultyServer) -> None:
    faulty.will(hang)
    with pytest.raises(LateError, match=r"nothing came for 0\.1 s"):
        call(faulty.url, predict, retry=QUICK, timeout=0.1)
    assert len(faulty.received) == 1


def test_retry_after_beyond_the_deadline_or_the_bound_is_not_waited_for(call: Call, faulty: FaultyServer) -> None:
    faulty.will(problem(503, retry_after="50"))
    for options in ({"retry": Retry(longest=100), "deadline": 20.0}, {"retry": Retry(longest=49)}):
        faulty.received.clear()
        with pytest.raises(UnavailableError) as raised:
            call(faulty.url, predict, **options)
        assert raised.value.retry_after == 50
        assert len(faulty.received) == 1


def test_retry_after_is_waited_for(call: Call, faulty: FaultyServer) -> None:
    faulty.will(problem(429, retry_after="1"), answer())
    assert call(faulty.url, predict, retry=Retry(first=0)).label == "yes"
    first, second = faulty.received
    assert second.at - first.at >= 1


@pytest.mark.parametrize(
    "strange",
    [
        answer(200, b"<html>"),
        answer(200, b"\xff"),
        answer(200, {"label": "yes"}),
        answer(200, {**REPLY, "probability": "much"}),
        answer(302, {}, location="http://elsewhere"),
        answer(204, b""),
    ],
    ids=["html", "bytes", "part", "type", "redirect", "empty"],
)
def test_an_answer_of_somebody_else_is_told_as_such(call: Call, faulty: FaultyServer, strange: Deed) -> None:
    faulty.will(strange)
    with pytest.raises(ReplyError) as raised:
        call(faulty.url, predict, retry=QUICK)
    assert {raised.value.request_id} == ids(faulty.received)
    assert len(faulty.received) == 1


@pytest.mark.parametrize("page", [answer(502, b"<html>"), answer(502, b"{", content_type=PROBLEM)], ids=["html", "cut"])
def test_a_page_of_a_proxy_is_told_by_its_status(call: Call, faulty: FaultyServer, page: Deed) -> None:
    faulty.will(page)
    with pytest.raises(UnavailableError, match="502 Bad Gateway"):
        call(faulty.url, predict, retry=QUICK)


def test_fields_of_a_newer_server_are_passed_over(call: Call, faulty: FaultyServer) -> None:
    faulty.will(answer(200, {**REPLY, "mood": "fine"}))
    assert call(faulty.url, predict).probability == 0.75


def test_the_token_and_the_headers_are_sent_and_the_token_is_never_shown(call: Call, faulty: FaultyServer) -> None:
    faulty.will(problem(401))
    with pytest.raises(AccessError) as raised:
        call(faulty.url, predict, token=WORD, headers={"X-Tenant": "a", "User-Agent": "mine/1"})
    sent = faulty.received[0].headers
    assert (sent["authorization"], sent["x-tenant"], sent["user-agent"]) == (f"Bearer {WORD}", "a", "mine/1")
    assert WORD not in repr(raised.value) + str(raised.value)


def test_a_redirect_takes_no_token_away(call: Call, faulty: FaultyServer) -> None:
    with FaultyServer() as thief:
        faulty.will(answer(307, b"", location=thief.url + "/predict"))
        with pytest.raises(ReplyError):
            call(faulty.url, predict, token=WORD)
        assert thief.received == []


def test_ready_is_the_answer_and_not_waited_for(call: Call, faulty: FaultyServer) -> None:
    faulty.will(problem(503), answer(200, {}))
    assert [call(faulty.url, lambda client: client.ready()) for _ in range(2)] == [False, True]
    assert [request.path for request in faulty.received] == ["/readyz", "/readyz"]


def test_readiness_is_told_also_while_not_ready(call: Call, faulty: FaultyServer) -> None:
    said = {"status": "not_ready", "models": [], "problems": ["voyage: no version is loaded"]}
    faulty.will(answer(503, said))
    found = call(faulty.url, lambda client: client.readiness())
    assert (found.status, found.problems) == ("not_ready", ("voyage: no version is loaded",))
    assert len(faulty.received) == 1


def test_not_ready_that_a_proxy_says_is_a_problem(call: Call, faulty: FaultyServer) -> None:
    faulty.will(answer(503, b"<html>"))
    with pytest.raises(UnavailableError, match="503"):
        call(faulty.url, lambda client: client.readiness())


def test_health_of_a_server_without_a_model_is_not_waited_for(call: Call, faulty: FaultyServer) -> None:
    faulty.will(problem(503))
    with pytest.raises(UnavailableError):
        call(faulty.url, lambda client: client.health(), retry=QUICK)
    assert len(faulty.received) == 1


def test_a_model_is_called_below_its_name_and_the_servers_path(call: Call, faulty: FaultyServer) -> None:
    call(faulty.url + "/below/", lambda client: client.model("a b/ü").predict(ROW))
    assert faulty.received[0].path == "/below/models/a%20b%2F%C3%BC/predict"


def test_a_connection_is_kept_and_used_again(faulty: FaultyServer) -> None:
    with Client(faulty.url) as client:
        assert {label_of(client.predict(ROW)) for _ in range(20)} == {"yes"}
    assert {request.connection for request in faulty.received} == {1}


def test_no_more_connections_are_used_at_a_time_than_asked_for(faulty: FaultyServer) -> None:
    now, most = 0, 0

    async def slow(writer: asyncio.StreamWriter) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.01)
        await answer()(writer)
        now -= 1

    faulty.will(slow)
    with Client(faulty.url, connections=2) as client, ThreadPoolExecutor(8) as pool:
        assert {label_of(reply) for reply in pool.map(lambda _: client.predict(ROW), range(40))} == {"yes"}
    assert most <= 2
    assert len(ids(faulty.received)) == 40


def test_a_pool_that_is_used_up_is_told_as_such(faulty: FaultyServer) -> None:
    faulty.will(drip)
    with Client(faulty.url, connections=1, timeout=0.3, deadline=1.5) as client, ThreadPoolExecutor(2) as pool:
        told = sorted(str(call.exception()) for call in [pool.submit(client.predict, ROW) for _ in range(2)])
    assert ["before the deadline" in told[0], "of the pool was free" in told[1]] == [True, True]
    assert len(faulty.received) == 1


def test_a_connection_that_the_server_closed_meanwhile_is_no_error(call: Call, faulty: FaultyServer) -> None:
    faulty.will(answer(connection="close"), drop, answer())
    assert [call(faulty.url, predict, retry=QUICK).label for _ in range(2)] == ["yes", "yes"]


def test_a_closed_client_says_so(faulty: FaultyServer) -> None:
    client = Client(faulty.url)
    client.close()
    with pytest.raises(InputError, match="closed"):
        client.predict(ROW)
    assert faulty.received == []


def test_the_callers_own_id_is_sent(call: Call, faulty: FaultyServer) -> None:
    call(faulty.url, lambda client: client.predict(ROW, request_id="order-7"))
    assert ids(faulty.received) == {"order-7"}
