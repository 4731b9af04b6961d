"""Who may operate a server, by which port, token and page."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from tests.serving.conftest import ADMIN_PORT, PORT, Ask, Harbour, MakeWorker, asking

RELOAD, METRICS, ALL = "a-token-to-reload", "a-token-to-read", "a-token-for-all"


def line(name: str, scopes: str, token: str) -> str:
    return f"{name} {scopes} {hashlib.sha256(token.encode()).hexdigest()}\n"


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    path = tmp_path / "tokens"
    path.write_text(
        "# who may what\n\n"
        + line("robot", "reload", RELOAD)
        + line("watch", "metrics", METRICS)
        + line("me", "admin", ALL)
    )
    return path


@pytest.fixture
def ask_with(harbour: Harbour, make_worker: MakeWorker, tokens: Path) -> Ask:
    return asking(make_worker(harbour.store, "voyage", tokens=tokens, metrics="admin"))


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_without_tokens_operators_come_by_the_admin_port_alone(ask: Ask) -> None:
    for path in ("/reload", "/models/voyage/reload"):
        assert ask("POST", path, port=ADMIN_PORT)[0] == 200
        status, _, problem = ask("POST", path, port=PORT)
        assert (status, problem["status"]) == (403, 403)
        assert ask("POST", path, None, bearer(ALL), PORT)[0] == 403


def test_a_host_header_does_not_make_the_admin_port(ask: Ask) -> None:
    forged = {"Host": f"127.0.0.1:{ADMIN_PORT}", "X-Forwarded-Port": str(ADMIN_PORT), "X-Forwarded-For": "127.0.0.1"}
    assert ask("POST", "/reload", None, forged, PORT)[0] == 403


def test_a_token_opens_what_its_scopes_say(ask_with: Ask) -> None:
    answers = {
        (token, path): ask_with(method, path, None, bearer(token), PORT)[0]
        for token in (RELOAD, METRICS, ALL)
        for method, path in (("POST", "/reload"), ("GET", "/metrics"))
    }
    assert answers == {
        (RELOAD, "/reload"): 200,
        (RELOAD, "/metrics"): 403,
        (METRICS, "/reload"): 403,
        (METRICS, "/metrics"): 200,
        (ALL, "/reload"): 200,
        (ALL, "/metrics"): 200,
    }


def test_no_token_and_an_unknown_one_are_challenged(ask_with: Ask) -> None:
    for headers in ({}, bearer("a guess"), bearer(""), {"Authorization": f"Basic {RELOAD}"}, {"Authorization": RELOAD}):
        status, found, problem = ask_with("POST", "/reload", None, headers, PORT)
        assert (status, problem["status"]) == (401, 401)
        assert found["www-authenticate"].startswith('Bearer realm="tabi"')
        assert ("invalid_token" in found["www-authenticate"]) == bool(headers)
        assert RELOAD not in str(problem)


def test_tokens_are_compared_whole_and_in_constant_time(ask_with: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    import hmac

    compared: list[bytes] = []
    real = hmac.compare_digest

    def seen(a: bytes, b: bytes) -> bool:
        compared.append(b)
        return real(a, b)

    monkeypatch.setattr(hmac, "compare_digest", seen)
    for token in (RELOAD, ALL, "a guess", RELOAD[:-1]):
        compared.clear()
        ask_with("POST", "/reload", None, bearer(token), PORT)
        assert len(compared) == 3, "each token is compared, whichever fits"


def test_tokens_are_rotated_without_a_restart(ask_with: Ask, tokens: Path) -> None:
    stamp = tokens.stat().st_mtime_ns
    # of the same size and the same time, as a copy that keeps them may be
    other = tokens.with_name("other")
    other.write_text(tokens.read_text().replace(line("robot", "reload", RELOAD), line("robot", "reload", "new-token")))
    os.utime(other, ns=(stamp, stamp))
    other.replace(tokens)
    assert ask_with("POST", "/reload", None, bearer(RELOAD), PORT)[0] == 401
    assert ask_with("POST", "/reload", None, bearer("new-token"), PORT)[0] == 200


def test_a_broken_file_of_tokens_keeps_the_old_and_is_told_once(
    ask_with: Ask, tokens: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tokens.write_text("robot reload not-a-digest\n")
    for _ in range(3):
        assert ask_with("POST", "/reload", None, bearer(RELOAD), PORT)[0] == 200
    tokens.unlink()
    for _ in range(3):
        assert ask_with("POST", "/reload", None, bearer(RELOAD), PORT)[0] == 200
    assert caplog.text.count("the tokens before stay") == 2
    tokens.write_text(line("me", "admin", "another"))
    assert ask_with("POST", "/reload", None, bearer(RELOAD), PORT)[0] == 401


def test_pages_of_other_origins_operate_nothing_on_any_port(
    ask_with: Ask, harbour: Harbour, make_worker: MakeWorker
) -> None:
    for port in (PORT, ADMIN_PORT):
        headers = {**bearer(ALL), "Origin": "http://evil.example"}
        assert ask_with("POST", "/reload", None, headers, port)[0] == 403
        assert ask_with("GET", "/metrics", None, headers, port)[0] == 403
    every = asking(make_worker(harbour.store, "voyage", origins=("*", "https://mine.example")))
    assert every("POST", "/reload", None, {"Origin": "http://evil.example"})[0] == 403
    assert every("POST", "/reload", None, {"Origin": "https://mine.example"})[0] == 200


def test_metrics_are_public_unless_said_otherwise(ask: Ask, ask_with: Ask) -> None:
    assert ask("GET", "/metrics")[0] == 200
    assert ask_with("GET", "/metrics", None, None, PORT)[0] == 401
    assert ask_with("GET", "/metrics", None, None, ADMIN_PORT)[0] == 200
    assert ask_with("HEAD", "/metrics", None, None, PORT)[0] == 401
