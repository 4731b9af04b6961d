"""A rise of errors is seen soon after it began, and a stream that does not change is left alone."""

from __future__ import annotations

import numpy as np
import pytest

from tabi.monitoring.concept import LEAST, changes


def test_a_rise_is_seen_by_both_with_its_moment() -> None:
    random = np.random.default_rng(1)
    errors = (random.random(2000) < np.where(np.arange(2000) < 1200, 0.1, 0.4)).astype(float)
    found = changes(np.arange(2000.0) * 60, errors)
    assert {change.detector for change in found} == {"adwin", "page-hinkley"}
    for detector in ("adwin", "page-hinkley"):
        first = next(change for change in found if change.detector == detector)
        assert first.worse
        # ADWIN keeps older rows in larger buckets, and cuts between two of them
        assert 1000 * 60 <= first.begin <= 1300 * 60
        assert 1200 * 60 < first.at < 1500 * 60
        assert first.before == pytest.approx(0.1, abs=0.03)
        assert first.after > 0.15


def test_no_change_is_no_alarm() -> None:
    random = np.random.default_rng(2)
    alarms = sum(bool(changes(np.arange(1000.0), (random.random(1000) < 0.2).astype(float))) for _ in range(20))
    assert alarms <= 1


def test_errors_that_fall_are_no_worse() -> None:
    random = np.random.default_rng(3)
    errors = (random.random(2000) < np.where(np.arange(2000) < 1000, 0.5, 0.05)).astype(float)
    found = changes(np.arange(2000.0), errors)
    assert found
    assert not any(change.worse for change in found)


def test_few_rows_and_constant_errors_have_no_change() -> None:
    assert changes([0.0] * (LEAST - 1), [1.0] * (LEAST - 1)) == []
    assert changes(np.arange(500.0), np.zeros(500)) == []
