"""An arm against the control: tea-tasting's figures against formulas of the textbook, and the intervals around them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tea_tasting.aggr import Aggregates

from tabi.experiments.effect import Pair, effect_of, pair_of, side
from tabi.experiments.metric import read_metric, read_size
from tests.experiments.sums import sums

RANDOM = np.random.default_rng(11)


def two(metric: str, control: Aggregates, treatment: Aggregates) -> Pair:
    found = pair_of("b", read_metric(metric), control, treatment, 4000, 0.05)
    assert found is not None
    return found


def test_a_mean_has_the_error_of_welch() -> None:
    a, b = RANDOM.gamma(2, 3, 1500), RANDOM.gamma(2, 3.3, 1700)
    found = two("value", sums(a), sums(b))
    assert found.difference == pytest.approx(b.mean() - a.mean())
    assert found.error == pytest.approx(math.sqrt(a.var(ddof=1) / 1500 + b.var(ddof=1) / 1700))
    # the logarithm of a quotient, by the delta method
    spread = a.var(ddof=1) / 1500 / a.mean() ** 2 + b.var(ddof=1) / 1700 / b.mean() ** 2
    assert found.log_error == pytest.approx(math.sqrt(spread))


def test_a_share_has_the_error_of_two_binomials() -> None:
    a, b = RANDOM.random(2000) < 0.1, RANDOM.random(2000) < 0.13
    found = two("feedback", sums(a), sums(b))
    p, q = a.mean(), b.mean()
    assert found.error == pytest.approx(math.sqrt((p * (1 - p) + q * (1 - q)) / 1999), rel=1e-9)


def test_a_ratio_has_the_error_of_whole_units_not_of_their_predictions() -> None:
    def arm(n: int) -> tuple[Any, Any]:
        predictions = RANDOM.poisson(5, n) + 1
        skill = RANDOM.beta(4, 2, n)
        return RANDOM.binomial(predictions, skill), predictions

    (correct, labelled), (other, others) = arm(1500), arm(1500)
    found = two("accuracy", sums(correct, labelled), sums(other, others))
    assert found.control == pytest.approx(correct.sum() / labelled.sum())
    resampled = []
    for _ in range(600):
        i, j = RANDOM.integers(0, 1500, (2, 1500))
        resampled.append(other[j].sum() / others[j].sum() - correct[i].sum() / labelled[i].sum())
    assert found.error == pytest.approx(np.std(resampled), rel=0.15)


def test_a_covariate_takes_its_share_of_the_variance_and_leaves_the_effect() -> None:
    x = RANDOM.normal(10, 3, 4000)
    y = 2 * x + RANDOM.normal(0, 4, 4000)
    y[2000:] += 1
    plain = two("value", sums(y[:2000]), sums(y[2000:]))
    found = two("value", sums(y[:2000], x=x[:2000]), sums(y[2000:], x=x[2000:]))
    # var(y) = 36 + 16, of which 36 are the covariate's
    assert found.explained == pytest.approx(36 / 52, abs=0.05)
    assert found.error < 0.6 * plain.error
    assert abs(found.difference - 1) < 4 * found.error


def test_the_covariate_of_a_ratio_is_the_same_ratio_of_before() -> None:
    def arm(better: float) -> Aggregates:
        skill = RANDOM.beta(2, 2, 3000)
        labelled, before = RANDOM.poisson(8, 3000) + 1, RANDOM.poisson(8, 3000)
        correct = RANDOM.binomial(labelled, np.clip(skill + better, 0, 1))
        return sums(correct, labelled, RANDOM.binomial(before, skill), before)

    found = two("accuracy", arm(0.0), arm(0.05))
    assert 0.2 < found.explained < 0.9
    assert abs(found.difference - 0.05) < 4 * found.error
    # nobody was there before in one of the arms: the plain difference is read
    alone = sums([1.0, 2.0, 3.0] * 300, [3.0] * 900, [0.0] * 900, [0.0] * 900)
    assert two("accuracy", arm(0.0), alone).explained == 0.0


def test_few_units_few_events_or_no_variance_are_not_read() -> None:
    even = sums([0.0, 1.0] * 500)
    assert pair_of("b", read_metric("feedback"), even, sums([0.0, 1.0] * 49), 4000, 0.05) is None
    rare = sums([1.0] * 9 + [0.0] * 900)
    assert pair_of("b", read_metric("feedback"), rare, rare, 4000, 0.05) is None
    assert pair_of("b", read_metric("value"), sums([3.0] * 900), sums([3.0] * 900), 4000, 0.05) is None
    nothing = sums([0.0] * 900, [0.0] * 900)
    assert pair_of("b", read_metric("accuracy"), nothing, nothing, 4000, 0.05) is None


@pytest.mark.parametrize(("first", "second"), [(0.2, 0.0), (0.0, 0.2), (1.0, 0.8)])
def test_an_arm_without_any_event_is_a_difference_and_no_lack_of_units(first: float, second: float) -> None:
    arms = [sums([1.0] * round(1000 * share) + [0.0] * round(1000 * (1 - share))) for share in (first, second)]
    found = effect_of(two("feedback", *arms), 0.05)
    assert found.difference == pytest.approx(second - first)
    assert found.found == (1 if second > first else -1)
    assert (found.relative is None) == (0.0 in (first, second))


def test_an_arm_that_sells_nothing_is_read() -> None:
    found = effect_of(two("value", sums([0.0, 10.0] * 300), sums([0.0] * 600)), 0.05)
    assert found.found == -1


@settings(deadline=None)
@given(st.floats(-3, 3), st.floats(0.05, 2), st.floats(0.1, 100), st.floats(0.001, 0.2))
def test_the_interval_excludes_zero_just_when_the_p_value_says_so(
    difference: float, error: float, x: float, alpha: float
) -> None:
    pair = Pair("b", "value", (500, 500), 10.0, 10.0 + difference, error, error / 10, x, 0.0)
    effect = effect_of(pair, alpha)
    if abs(pair.p - alpha) > 1e-9:
        assert (effect.found != 0) == (pair.p < alpha)
    assert effect.always[0] <= effect.fixed[0] <= effect.difference <= effect.fixed[1] <= effect.always[1]


def test_a_share_of_the_control_is_compared_on_the_scale_of_quotients() -> None:
    pair = Pair("b", "value", (5000, 5000), 100.0, 110.0, 0.5, 0.005, 8.0, 0.0)
    effect = effect_of(pair, 0.05)
    assert side(effect, read_size("5%"), 1) == 1
    assert side(effect, read_size("10%"), 1) == 0
    assert side(effect, read_size("15%"), 1) == -1
    assert side(effect, read_size("5"), 1) == 1
    assert side(effect, read_size("1"), -1) == 1
    assert effect.relative == pytest.approx(0.1)


def test_a_control_of_zero_has_no_relative_effect() -> None:
    effect = effect_of(Pair("b", "value", (500, 500), -1.0, 1.0, 0.1, None, 8.0, 0.0), 0.05)
    assert effect.relative is None
    assert side(effect, read_size("50%"), 1) == 1
