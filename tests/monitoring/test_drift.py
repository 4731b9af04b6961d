"""Laws of the two distances over counts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabi.gates.drift import psi as psi_of_snapshots
from tabi.monitoring.drift import jensen_shannon, psi

counts = st.lists(st.integers(0, 10_000), min_size=2, max_size=12)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    first = draw(counts)
    second = draw(st.lists(st.integers(0, 10_000), min_size=len(first), max_size=len(first)))
    return np.array(first), np.array(second)


@given(counts, st.integers(1, 50))
def test_equal_shares_are_no_distance(reference: list[int], times: int) -> None:
    first = np.array(reference)
    assert psi(first, first * times) == pytest.approx(0, abs=1e-12) or not first.sum()
    assert jensen_shannon(first, first * times) == pytest.approx(0, abs=1e-12)


@given(pairs())
def test_jensen_shannon_is_the_same_both_ways_and_at_most_one_bit(pair: tuple[np.ndarray, np.ndarray]) -> None:
    reference, now = pair
    found = jensen_shannon(reference, now)
    assert 0 <= found <= 1
    assert found == pytest.approx(jensen_shannon(now, reference), abs=1e-12)


@given(pairs())
def test_psi_is_never_negative(pair: tuple[np.ndarray, np.ndarray]) -> None:
    assert psi(*pair) >= 0


@given(pairs(), st.integers(1, 5))
def test_counts_add_up_over_replicas(pair: tuple[np.ndarray, np.ndarray], replicas: int) -> None:
    reference, now = pair
    draws = np.random.default_rng(replicas)
    parts = np.array([draws.multinomial(count, np.full(replicas, 1 / replicas)) for count in now]).T
    assert psi(reference, parts.sum(axis=0)) == psi(reference, now)
    assert jensen_shannon(reference, parts.sum(axis=0)) == jensen_shannon(reference, now)


def test_nothing_in_common_is_one_bit() -> None:
    assert jensen_shannon(np.array([10, 0]), np.array([0, 3])) == 1
    # of shares 0.9/0.1 and 0.5/0.5: H(0.7) - (H(0.9) + H(0.5)) / 2
    assert jensen_shannon(np.array([9, 1]), np.array([1, 1])) == pytest.approx(
        0.8812909 - (0.4689956 + 1) / 2, abs=1e-6
    )


def test_psi_by_hand() -> None:
    # shares 0.5/0.5 and 0.8/0.2: 0.3 ln 1.6 + 0.3 ln 2.5 = 0.3 ln 4
    big = psi(np.array([500_000, 500_000]), np.array([8_000_000, 2_000_000]))
    assert big == pytest.approx(0.3 * np.log(4), abs=1e-5)


def test_in_large_windows_it_is_the_psi_of_the_gate() -> None:
    random = np.random.default_rng(1)
    reference, now = random.multinomial(10**6, [0.1] * 10), random.multinomial(10**6, np.arange(1, 11) / 55)
    assert psi(reference, now) == pytest.approx(psi_of_snapshots(reference.astype(float), now.astype(float)), rel=1e-4)


def test_a_rare_bin_that_a_small_window_misses_moves_nothing() -> None:
    assert psi(np.array([50_000, 50_000, 1]), np.array([50, 50, 0])) < 1e-6
    assert psi(np.array([1, 1]), np.array([0, 0])) == 0
    assert jensen_shannon(np.array([1, 1]), np.array([0, 0])) == 0
