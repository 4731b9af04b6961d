"""Pauses between attempts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabi.client import InputError, Retry
from tabi.client.retry import seconds_of

SECONDS = st.floats(0, 1000)


@given(
    st.integers(1, 5000), st.integers(1, 6000), SECONDS, SECONDS, st.none() | SECONDS, st.randoms(use_true_random=False)
)
def test_a_pause_lies_between_what_is_asked_for_and_that_with_full_jitter(
    attempt: int, attempts: int, first: float, cap: float, asked: float | None, random: Random
) -> None:
    pause = Retry(attempts, first, cap, longest=100).pause(attempt, asked, random)
    if attempt >= attempts or (asked or 0) > 100:
        assert pause is None
    else:
        assert pause is not None
        assert (asked or 0) <= pause <= (asked or 0) + min(cap, first * 2.0 ** min(attempt - 1, 60))


def test_pauses_fill_their_whole_range() -> None:
    random = Random(1)
    pauses = sorted(Retry(first=1.0).pause(3, None, random) or 0 for _ in range(2000))
    assert pauses[0] < 0.05
    assert pauses[-1] > 3.95
    assert abs(pauses[1000] - 2.0) < 0.2


def test_retry_after_is_read_as_seconds_or_as_a_date() -> None:
    later = datetime.now(UTC) + timedelta(seconds=100)
    assert seconds_of("7") == 7
    assert 90 < (seconds_of(format_datetime(later, usegmt=True)) or 0) <= 100
    assert seconds_of(format_datetime(datetime(2001, 1, 1, tzinfo=UTC), usegmt=True)) == 0
    assert seconds_of("9" * 5000) == float("9" * 300)


@pytest.mark.parametrize("said", [None, "", "soon", "-1", "1.5", "٣", "Mon, 99 Foo 2026"])
def test_a_retry_after_that_cannot_be_read_is_none(said: str | None) -> None:
    assert seconds_of(said) is None


@pytest.mark.parametrize("wrong", [{"attempts": 0}, {"first": -1.0}, {"cap": -1.0}, {"longest": -0.1}])
def test_a_retry_that_means_nothing_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match="Retry"):
        Retry(**wrong)  # type: ignore[arg-type]
