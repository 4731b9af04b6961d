"""CORS: closed, unless origins are named."""

from __future__ import annotations

import json

import pytest

from tests.serving.conftest import ROW, Ask, Harbour, MakeWorker, Server, asking

BODY = json.dumps({"features": ROW}).encode()
MINE, OTHER = "https://mine.example", "https://other.example"
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}


def allowed(headers: dict[str, str]) -> str | None:
    return headers.get("access-control-allow-origin")


def test_no_origin_is_allowed_by_default(ask: Ask) -> None:
    status, headers, _ = ask("POST", "/predict", BODY, {"Origin": MINE})
    assert (status, allowed(headers)) == (200, None)
    status, headers, _ = ask("OPTIONS", "/predict", None, {"Origin": MINE, **PREFLIGHT})
    assert (status, allowed(headers)) == (405, None)


@pytest.mark.parametrize(("origins", "expected"), [((MINE,), None), (("*",), OTHER)])
def test_named_origins_are_allowed_on_every_route(
    harbour: Harbour, make_worker: MakeWorker, origins: tuple[str, ...], expected: str | None
) -> None:
    ask = asking(make_worker(harbour.store, "voyage", origins=origins))
    for method, path, body in (
        ("POST", "/predict", BODY),
        ("GET", "/health", None),
        ("GET", "/schema", None),
        ("GET", "/x", None),
    ):
        headers = ask(method, path, body, {"Origin": MINE})[1]
        assert (allowed(headers), headers["vary"]) == (MINE, "Origin")
        assert allowed(ask(method, path, body, {"Origin": OTHER})[1]) == expected
        assert allowed(ask(method, path, body)[1]) is None
    status, headers, content = ask("OPTIONS", "/predict", None, {"Origin": MINE, **PREFLIGHT})
    assert (status, allowed(headers), content) == (200, MINE, b"")
    assert "content-type" in headers["access-control-allow-headers"]
    assert "access-control-allow-credentials" not in headers


def test_every_request_that_begins_also_ends(harbour: Harbour, make_worker: MakeWorker) -> None:
    ask = asking(make_worker(harbour.store, "voyage", origins=(MINE,)))
    ask("OPTIONS", "/predict", None, {"Origin": MINE, **PREFLIGHT})
    ask("POST", "/predict", BODY)
    ask("POST", "/predict_batch", b"{}\n", {"Content-Type": "application/x-ndjson"})
    ask("GET", "/nowhere")
    text = ask("GET", "/metrics")[2].decode()
    found = [line for line in text.splitlines() if "in_flight" in line and line[0] != "#"]
    # the one that reads the metrics
    assert [line.split()[-1] for line in found] == ["1.0"]


SECURITY = {"x-content-type-options": "nosniff", "cache-control": "no-store"}


def test_every_answer_of_both_doors_and_both_ways_has_the_security_headers(server: Server) -> None:
    for method, path, body in (
        ("POST", "/predict", BODY),
        ("POST", "/predict", b"{"),
        ("PUT", "/predict", None),
        ("GET", "/livez", None),
        ("GET", "/metrics", None),
        ("GET", "/docs", None),
        ("GET", "/nowhere", None),
        ("POST", "/reload", None),
        ("POST", "/predict" + "x" * 9000, None),
    ):
        headers = server.ask(method, path, body)[1]
        assert SECURITY.items() <= headers.items(), (method, path[:20])
        assert "server" not in headers
    lines = server.ask("POST", "/predict_batch", b"{}\n", {"Content-Type": "application/x-ndjson"})[1]
    assert SECURITY.items() <= lines.items()
