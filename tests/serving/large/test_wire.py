"""What is said arrives whole, and a side that is gone is told."""

from __future__ import annotations

import socket
from collections import deque
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabi.serving.large.wire import EndedError, Found, Task, give, hear, say, take

tasks = st.builds(
    Task,
    headers=st.lists(st.tuples(st.binary(max_size=20), st.binary(max_size=20)), max_size=3),
    query=st.binary(max_size=20),
    kind=st.binary(max_size=20),
    accept=st.binary(max_size=20),
    size=st.integers(0, 2**40),
    began=st.integers(0, 2**62),
)


@given(tasks)
def test_a_task_is_heard_as_it_was_said(task: Task) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        say(ours, task)
        assert hear(theirs, Task) == task


def test_a_body_is_given_in_parts_of_which_nothing_is_left() -> None:
    parts = deque([bytes([index]) * 300_000 for index in range(5)])
    whole = b"".join(parts)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        # more than a socket holds: who gives waits for who takes
        giving = Thread(target=give, args=(ours, parts))
        giving.start()
        assert take(theirs, len(whole)) == whole
        giving.join()
    assert not parts


@pytest.mark.parametrize("sent", [b"", b"\x08\0\0", b"\x08\0\0\0\0\0\0\0\x95"])
def test_a_side_that_is_gone_is_told(sent: bytes) -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        with ours:
            ours.sendall(sent)
        with pytest.raises(EndedError):
            hear(theirs, Found)
