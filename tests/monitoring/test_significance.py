"""False alarms as rare as promised, and the size that an alarm takes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from tabi.monitoring.drift import psi
from tabi.monitoring.significance import (
    benjamini_hochberg,
    chi2_test,
    ks_test,
    psi_bound,
    rows_needed,
    used_bins,
)


@pytest.mark.parametrize("rows", [200, 2000])
@pytest.mark.parametrize("shape", ["deciles", "few", "many rare"])
def test_psi_passes_its_bound_as_rarely_as_asked(rows: int, shape: str) -> None:
    """2,000 clean windows against a reference of 20,000 rows, at 1 %: 20 expected, 95 % of trials below 28."""
    random = np.random.default_rng(7)
    p = {
        "deciles": np.full(10, 0.1),
        "few": np.array([0.9, 0.09, 0.01]),
        "many rare": np.r_[0.8, np.geomspace(0.1, 0.0001, 30)],
    }[shape]
    p = p / p.sum()
    reference = random.multinomial(20_000, p)
    bound = psi_bound(used_bins(reference), rows, 20_000, 0.01)
    alarms = sum(psi(reference, now) > bound for now in random.multinomial(rows, p, size=2000))
    assert alarms <= 30
    if shape == "deciles":
        # and it is no bound that nothing can pass
        assert alarms >= 8


@given(st.integers(2, 50), st.floats(0.02, 1), st.integers(1, 100))
def test_the_size_needed_is_where_the_bound_meets_the_floor(bins: int, floor: float, tests: int) -> None:
    needed = rows_needed(bins, 1_000_000, floor, 0.01, tests)
    assert needed is not None
    assert psi_bound(bins, needed, 1_000_000, 0.01, tests) <= floor * (1 + 1e-9)
    assert needed == 1 or psi_bound(bins, needed - 1, 1_000_000, 0.01, tests) > floor


def test_a_small_reference_can_be_too_small_for_any_window() -> None:
    assert rows_needed(10, 100, 0.1, 0.01) is None
    assert rows_needed(10, 0, 0.1, 0.01) is None
    assert psi_bound(10, 0, 100, 0.01) == float("inf")


def test_ks_over_bins_is_no_stricter_than_over_the_sample() -> None:
    random = np.random.default_rng(3)
    edges = np.linspace(-2, 2, 9)

    def binned(values: np.ndarray) -> np.ndarray:
        return np.bincount(np.searchsorted(edges, values), minlength=10)

    before, after = random.normal(size=4000), random.normal(0.3, size=500)
    of_bins, of_samples = ks_test(binned(before), binned(after)), ks_2samp(before, after, method="asymp")
    assert of_bins.statistic <= of_samples.statistic
    assert of_bins.p < 0.01
    assert of_samples.pvalue <= of_bins.p
    assert ks_test(binned(before), binned(random.normal(size=500))).p > 0.01


def test_chi2_joins_what_is_too_rare() -> None:
    random = np.random.default_rng(4)
    p = np.r_[0.7, 0.25, np.full(10, 0.005)]
    reference = random.multinomial(50_000, p)
    clean = [chi2_test(reference, now).p for now in random.multinomial(100, p, size=400)]
    assert np.mean(np.array(clean) < 0.05) < 0.08
    assert chi2_test(reference, random.multinomial(400, p[::-1] / p.sum())).p < 1e-10
    # one bin alone cannot differ, nor can no rows
    assert chi2_test(np.array([5, 0]), np.array([9, 0])).p == 1
    assert chi2_test(np.array([5, 5]), np.array([0, 0])).p == 1


def test_benjamini_hochberg_by_hand() -> None:
    assert benjamini_hochberg([0.01, 0.04, 0.03, 0.5]) == pytest.approx([0.04, 0.16 / 3, 0.16 / 3, 0.5])
    assert benjamini_hochberg([]) == []
