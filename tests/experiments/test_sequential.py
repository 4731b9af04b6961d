"""The always-valid interval: its own laws, figures of another library, and what simulation says of its power."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabi.experiments.sequential import crossing, drift_for, information, margin, p_value, tightest

levels = st.floats(1e-4, 0.5)
informations = st.floats(1e-3, 1e4)


@given(levels, informations)
def test_the_p_value_is_alpha_where_the_interval_touches_zero(alpha: float, x: float) -> None:
    assert float(p_value(margin(x, alpha), x)) == pytest.approx(alpha, rel=1e-9)


@given(levels, st.floats(1e-2, 1e3))
def test_no_other_tuning_is_tighter_at_the_planned_number(alpha: float, x: float) -> None:
    assert margin(tightest(alpha), alpha) <= margin(x, alpha) + 1e-12


@given(levels, informations, st.floats(-50, 50))
def test_a_p_value_is_a_probability_and_never_below_that_of_one_look(alpha: float, x: float, z: float) -> None:
    p = float(p_value(z, x))
    assert 0 <= p <= 1
    assert p >= math.erfc(abs(z) / math.sqrt(2)) - 1e-12


def test_an_interval_without_information_is_infinite() -> None:
    assert margin(0.0, 0.05) == math.inf


def test_the_interval_is_the_one_of_gbstats() -> None:
    # gbstats 0.8.0, SequentialTwoSidedTTest, tuned to 5,000 by its own rule for rho: its rule is a first-order form of
    # ours, so its rho is given to our margin
    alpha, n, tuned = 0.05, 4000.0, 5000.0
    rho = math.sqrt((-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)) / tuned)
    theirs = math.sqrt(2 * (n * rho**2 + 1) * math.log(math.sqrt(n * rho**2 + 1) / alpha) / (n * rho) ** 2)
    assert float(margin(n * rho**2, alpha)) / math.sqrt(n) == pytest.approx(theirs, rel=1e-12)
    assert float(information(tuned, tuned, alpha)) == pytest.approx(tuned * rho**2, rel=0.05)


@pytest.mark.parametrize(("drift", "looks"), [(0.0, 14), (2.5, 5), (3.7, 14), (3.7, 60)])
def test_the_probability_of_crossing_is_that_of_simulated_paths(drift: float, looks: int) -> None:
    random, runs, alpha = np.random.default_rng(7), 4000, 0.05
    times = np.arange(1, looks + 1) / looks
    paths = np.cumsum(random.normal(drift / looks, 1 / math.sqrt(looks), (runs, looks)), axis=1)
    crossed = np.abs(paths) / np.sqrt(times) > margin(tightest(alpha) * times, alpha)
    ever = crossed.any(1)
    stopped = np.where(ever, crossed.argmax(1) + 1, looks).mean() / looks
    power, share = crossing(drift, looks, alpha)
    assert abs(ever.mean() - power) < 4 * math.sqrt(max(power * (1 - power), 1e-3) / runs)
    assert stopped == pytest.approx(share, abs=0.02)


def test_more_looks_need_less_drift_and_stricter_levels_more() -> None:
    assert drift_for(0.8, 28, 0.05) < drift_for(0.8, 7, 0.05) < drift_for(0.8, 7, 0.02)
    assert crossing(drift_for(0.9, 7, 0.05), 7, 0.05)[0] == pytest.approx(0.9, abs=1e-3)
