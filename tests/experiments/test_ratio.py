"""Splits that chance makes pass at every look together, others do not, and few units are not judged."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from tabi.experiments.ratio import ALARM, EARLY, broken, mismatch, smallest
from tabi.experiments.sequential import tightest

PLANNED = 20_000


@given(st.lists(st.sampled_from([0, 1, 2]), max_size=30), st.integers(1, 10**6))
def test_it_is_the_product_of_what_each_unit_was_believed_to_do(units: list[int], planned: int) -> None:
    """Law: the predictive chance of each next arm, over its weight, multiplied; so it is a martingale."""
    weights = np.array([2.0, 1.0, 1.0])
    share = weights / weights.sum()
    whole = max(EARLY * planned / tightest(ALARM), 1.0)
    counts, factor = np.zeros(3), 1.0
    for arm in units:
        believed = (whole * share + counts) / (whole + counts.sum())
        # what is believed of the next unit sums to one, so under the weights the factor's mean stays
        assert believed.sum() == pytest.approx(1)
        factor *= believed[arm] / share[arm]
        counts[arm] += 1
    assert mismatch(counts, weights.tolist(), planned) == pytest.approx(min(1.0, 1 / factor), rel=1e-6)


def test_a_split_that_lost_units_is_broken_and_an_even_one_is_not() -> None:
    assert broken(mismatch([10_000, 9_400], (1, 1), PLANNED))
    assert not broken(mismatch([10_000, 9_900], (1, 1), PLANNED))
    assert not broken(mismatch([9_000, 1_000], (9, 1), PLANNED))
    assert broken(mismatch([3_000, 3_000, 2_500], (1, 1, 1), PLANNED))


def test_what_was_broken_once_stays_broken() -> None:
    lost, evened = (1_000, 700), (0, 300)
    assert not broken(mismatch([1_000, 1_000], (1, 1), PLANNED))
    assert broken(smallest([lost, evened], (1, 1), PLANNED))


def test_few_units_are_not_judged() -> None:
    assert smallest([], (1, 1), PLANNED) is None
    assert smallest([(0, 9)], (1, 1), PLANNED) is None
    assert smallest([(0, 9), (1, 0)], (1, 1), PLANNED) is not None
    assert not broken(None)


def test_false_alarms_over_all_looks_are_as_rare_as_promised() -> None:
    random, runs, looks = np.random.default_rng(3), 4_000, 60
    counts = np.cumsum(random.multinomial(400, [0.5, 0.25, 0.25], (runs, looks)), axis=1)
    alarms = (mismatch(counts, (2, 1, 1), PLANNED) <= ALARM).any(1).sum()
    assert alarms <= binom.ppf(0.9999, runs, ALARM)
    # and the test is not silent: units that one arm loses are seen
    lost = np.cumsum(random.multinomial(400, [0.53, 0.235, 0.235], (100, looks)), axis=1)
    assert (mismatch(lost, (2, 1, 1), PLANNED) <= ALARM).any(1).all()
    assert math.isfinite(float(mismatch([10**11, 10**11 + 10**5], (1, 1), 10**9)))
