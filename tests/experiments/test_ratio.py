"""Splits that chance makes pass, others do not, and few units are not judged."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom

from tabi.experiments.ratio import ALARM, broken, mismatch


def test_the_p_value_is_that_of_chi_squared() -> None:
    # (480 - 500)² / 500 · 2 = 1.6 with one degree of freedom
    assert mismatch([480, 520], (1, 1)) == pytest.approx(math.erfc(math.sqrt(1.6 / 2)))


def test_a_split_that_lost_units_is_broken_and_an_even_one_is_not() -> None:
    assert broken(mismatch([10_000, 9_500], (1, 1)))
    assert not broken(mismatch([10_000, 9_900], (1, 1)))
    assert not broken(mismatch([9_000, 1_000], (9, 1)))
    assert broken(mismatch([3_000, 3_000, 2_500], (1, 1, 1)))


def test_few_units_are_not_judged() -> None:
    assert math.isnan(mismatch([0, 9], (1, 1)))
    assert not broken(math.nan)


def test_false_alarms_are_as_rare_as_promised() -> None:
    random, runs = np.random.default_rng(3), 20_000
    found = mismatch(random.multinomial(3000, [0.5, 0.25, 0.25], runs), (2, 1, 1))
    assert (found < ALARM).sum() <= binom.ppf(0.9999, runs, ALARM)
    # and the test has its level: it is not silent
    assert 0.04 < (found < 0.05).mean() < 0.06
