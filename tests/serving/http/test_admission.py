"""What one worker holds at once, and for whom."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tabi.serving.http.admission import Admission
from tabi.serving.settings import Limits

LIMITS = Limits(in_flight=8, buffered=1000)


def test_large_requests_leave_room_for_small_ones() -> None:
    admission = Admission(LIMITS)
    assert [admission.enter_large() for _ in range(4)] == [True, True, False, False]
    assert [admission.enter() for _ in range(9)] == [True] * 8 + [False]
    admission.leave()
    admission.leave_large()
    assert admission.enter()
    assert admission.enter_large()


def test_large_bodies_leave_room_for_small_ones() -> None:
    admission = Admission(LIMITS)
    assert admission.hold(750, small=False)
    assert not admission.hold(1, small=False)
    assert admission.hold(250)
    assert not admission.hold(1)
    assert not admission.enter_large()
    admission.free(750)
    assert not admission.full
    assert admission.hold(500, small=False)


def test_what_is_there_already_stops_what_would_come() -> None:
    admission = Admission(LIMITS)
    admission.add(5000)
    assert not admission.enter_large()
    assert not admission.hold(1)
    admission.free(5000)
    assert admission.enter_large()


@given(st.lists(st.tuples(st.integers(0, 400), st.booleans())))
def test_no_more_is_held_than_may_be_and_all_is_let_go(asked: list[tuple[int, bool]]) -> None:
    admission = Admission(LIMITS)
    held = [size for size, small in asked if admission.hold(size, small=small)]
    assert sum(held) == admission.buffered <= LIMITS.buffered
    for size in held:
        admission.free(size)
    assert admission.buffered == 0
