"""Bodies of the long way: whole, bounded, and held only as far as they have come."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabi.serving.http.admission import Admission
from tabi.serving.http.bodies import GoneError, Held, RefusedError, read_body
from tabi.serving.settings import Limits


def read(parts: Sequence[bytes], length: int, limit: int, admission: Admission, *, gone: bool = False) -> bytes:
    """`gone`: the sender goes away after these parts."""
    messages: list[dict[str, Any]] = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    if gone:
        messages.append({"type": "http.disconnect"})
    else:
        messages[-1]["more_body"] = False
    waiting = iter(messages)

    async def receive() -> dict[str, Any]:
        return next(waiting)

    with Held(admission) as held:
        return b"".join(asyncio.run(read_body(receive, length, limit, held)))


@given(st.lists(st.binary(max_size=20), min_size=1), st.booleans())
def test_a_body_in_parts_is_whole_and_nothing_of_it_is_held_afterwards(parts: list[bytes], said: bool) -> None:
    admission = Admission(Limits())
    whole = b"".join(parts)
    assert read(parts, len(whole) if said else -1, 10_000, admission) == whole
    assert admission.buffered == 0


def test_a_length_that_is_too_large_is_refused_before_anything_is_read() -> None:
    with pytest.raises(RefusedError) as raised:
        read([], 11, 10, Admission(Limits()), gone=True)
    assert raised.value.status == 413


@given(st.lists(st.binary(max_size=20), min_size=1))
def test_a_length_that_is_not_said_is_bounded_while_it_is_read(parts: list[bytes]) -> None:
    admission = Admission(Limits())
    size = len(b"".join(parts))
    assert len(read(parts, -1, size, admission)) == size
    if size:
        with pytest.raises(RefusedError) as raised:
            read(parts, -1, size - 1, admission)
        assert raised.value.status == 413
    assert admission.buffered == 0


def test_a_server_that_holds_too_much_refuses_and_lets_go() -> None:
    admission = Admission(Limits(buffered=100))
    admission.add(95)
    with pytest.raises(RefusedError) as raised:
        read([b"123", b"456"], -1, 1000, admission)
    assert raised.value.status == 503
    assert admission.buffered == 95


def test_a_sender_that_goes_away_leaves_nothing() -> None:
    admission = Admission(Limits())
    with pytest.raises(GoneError):
        read([b"123", b"456"], 10, 1000, admission, gone=True)
    assert admission.buffered == 0
