"""Counting."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabi.bench.tally import Tally


@given(st.lists(st.tuples(st.floats(0, 10), st.booleans()), max_size=40), st.integers(1, 3))
def test_the_percentiles_are_those_of_the_latencies_that_count(given_: list[tuple[float, bool]], capacity: int) -> None:
    tally = Tally(capacity, 0, 0)
    for seconds, counts in given_:
        tally.good(seconds, counts)
    tally.failures["dropped"] += 2
    tally.statuses[503] += 1
    sent = len(given_) + 3
    result = tally.result(seconds=2.0, sent=sent, reconnects=0, cpu=0.5, wall=2.0)
    counted = [seconds * 1e3 for seconds, counts in given_ if counts]
    assert (result.requests, result.answered, result.errors) == (len(counted), len(given_), 3)
    assert result.rps == len(counted) / 2
    shown = [result.p50_ms, result.p90_ms, result.p95_ms, result.p99_ms, result.max_ms]
    if counted:
        assert shown == pytest.approx(np.percentile(counted, [50, 90, 95, 99, 100]).tolist(), abs=1e-3)
    else:
        assert shown == [None] * 5
    assert result.generator_busy == 0.25
    assert tally.ended == sent


def test_every_nth_answer_is_kept_up_to_the_limit() -> None:
    tally = Tally(1, 3, 4)
    for number in range(20):
        tally.sample(number, 200, bytearray(b"x"))
    assert [sample.body for sample in tally.samples] == [0, 3, 6, 9]
    assert all(isinstance(sample.answer, bytes) for sample in tally.samples)
