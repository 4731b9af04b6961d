"""Simulated experiments, looked at every day: a few runs of what the benchmark measures, with fixed seeds.

A true rate that is as promised passes each bound with a probability of 99.9 % (binomial). `tests/system` has more runs.
"""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.experiments import (
    ALPHA,
    POWER,
    by_product,
    false_alarms,
    family_errors,
    less,
    looks,
    power_of_share,
    shares,
    split_alarms,
    values,
)
from tabi.experiments.metric import read_metric

RUNS = 200


def test_daily_looks_at_equal_arms_give_no_more_false_alarms_than_promised() -> None:
    ours, usual = false_alarms(shares(RUNS, 20, (500, 500), (0.1, 0.1), 1), 20_000, share=True)
    assert ours.at_most(ALPHA)
    # the simulation could have shown it: a test for one look errs far more often
    assert not usual.at_most(2 * ALPHA)


def test_the_planned_lift_is_found_with_the_promised_power() -> None:
    rate, day, plan = power_of_share(RUNS, 2)
    assert rate.at_least(POWER)
    assert plan.typical == pytest.approx(day, rel=0.2)


def test_three_treatments_keep_the_error_of_the_family() -> None:
    assert family_errors(shares(RUNS, 20, (500,) * 4, (0.1, 0.1, 0.1, 0.14), 3), 20_000, 1).at_most(ALPHA)


def test_a_fair_split_is_called_broken_as_rarely_as_promised() -> None:
    assert split_alarms(10 * RUNS, 20, 4).ours.at_most(0.01)
    # one that loses a tenth of an arm's units is found
    assert split_alarms(RUNS, 20, 4, less(0.1)).ours.at_least(0.95)


@pytest.mark.parametrize("metric", ["feedback", "value"])
def test_the_simulated_p_values_are_those_of_the_product(metric: str) -> None:
    share = metric == "feedback"
    of = shares(3, 4, (60, 60), (0.1, 0.15), 5) if share else values(3, 4, (60, 60), (1.0, 1.5), 5)
    z, p = looks(of, 500, ALPHA, share=share)
    theirs = by_product(of, 500, read_metric(metric), 3)
    read = ~np.isnan(theirs)
    assert read.any()
    assert not read.all()
    np.testing.assert_allclose(p[..., 0][read], theirs[read], rtol=1e-6)
    assert (z[..., 0][~read] == 0).all()
