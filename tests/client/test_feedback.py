"""Feedback by the client libraries, to a real server."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tabi.client import AccessError, Feedback, InputError, RefusedError
from tests.client.conftest import Call
from tests.serving.conftest import ROW, Server


def test_feedback_is_taken_once(call: Call, server: Server, request: pytest.FixtureRequest) -> None:
    url = f"http://{server.host}:{server.admin_port}"
    asked = call(f"http://{server.host}:{server.port}", lambda client: client.predict(ROW)).request_id
    given = Feedback(request_id=asked, label="yes", value=12.5, at=datetime.now(UTC))
    first = call(url, lambda client: client.feedback(given))
    again = call(url, lambda client: client.model("voyage").feedback(given, given))
    assert ((first.accepted, first.duplicates), (again.accepted, again.duplicates)) == ((1, 0), (0, 2))


def test_what_is_wrong_is_told_with_its_place(call: Call, server: Server) -> None:
    url = f"http://{server.host}:{server.admin_port}"
    with pytest.raises(RefusedError, match="label"):
        call(url, lambda client: client.feedback(Feedback(unit_id="u", label="neither")))
    with pytest.raises(InputError, match="no feedback"):
        call(url, lambda client: client.feedback())
    with pytest.raises(AccessError):
        call(f"http://{server.host}:{server.port}", lambda client: client.feedback(Feedback(unit_id="u", value=1)))
