"""Real servers of several processes that trust a key."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest

from tabi.bundle.keys import KeyPair
from tests.serving.conftest import ROW, Harbour, harbour, own_harbour, serving
from tests.serving.test_trust import keys, put_signature, release, signed

pytestmark = pytest.mark.system
__all__ = ["harbour", "keys", "own_harbour", "signed"]


def test_large_requests_are_answered_by_a_process_that_trusts_the_same_keys(
    signed: Harbour, keys: tuple[KeyPair, KeyPair]
) -> None:
    rows = json.dumps({"rows": [ROW] * 20_000}).encode()
    with serving(signed.store.root, "voyage", TABI_VERIFY_KEY=str(keys[0].public)) as server:
        status, _, answer = server.ask("POST", "/predict_batch", rows, {"content-type": "application/json"})
        assert (status, len(answer["predictions"])) == (200, 20_000)


def test_workers_follow_to_what_is_signed_only(signed: Harbour, keys: tuple[KeyPair, KeyPair]) -> None:
    with serving(
        signed.store.root, "voyage", options=["--workers", "2"], TABI_VERIFY_KEY=str(keys[0].public)
    ) as server:

        def wait(reached: Callable[[], bool]) -> None:
            end = time.monotonic() + 30
            while not reached():
                assert time.monotonic() < end
                time.sleep(0.05)

        def ready() -> str:
            return str(server.ask("GET", "/readyz")[2]["status"])

        release(signed, signed.newer)
        wait(lambda: ready() == "degraded")
        assert server.ask("GET", "/health")[2]["version"] == signed.older
        put_signature(signed, signed.newer, keys[0])
        assert server.operate("POST", "/reload")[0] == 200
        # a worker that had found it unsigned tries again some seconds later
        wait(lambda: {server.ask("GET", "/health")[2]["version"] for _ in range(10)} == {signed.newer})
        wait(lambda: ready() == "ready")
