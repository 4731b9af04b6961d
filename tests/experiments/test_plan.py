"""The needed sample: more for smaller effects, stricter levels and uneven arms; the test of one look is told beside."""

from __future__ import annotations

import pytest

from tabi.errors import ConfigError
from tabi.experiments.metric import read_metric, read_size
from tabi.experiments.plan import Baseline, plan_of

SHARE = Baseline(0.1, 0.3)


def total(effect: str = "10%", weights: tuple[float, ...] = (1, 1), alpha: float = 0.05, power: float = 0.8) -> int:
    return plan_of(read_metric("feedback"), read_size(effect), weights, SHARE, alpha, power).total


def test_the_sample_grows_with_what_is_asked() -> None:
    usual = total()
    assert total("5%") > 3 * usual
    assert total(alpha=0.01) > usual
    assert total(power=0.9) > usual
    assert total(weights=(9, 1)) > 2 * usual
    assert total(weights=(1, 1, 1)) > 1.5 * usual


def test_one_look_needs_what_the_textbook_says() -> None:
    # (1.96 + 0.8416)² · 2 · 0.09 / 0.01² = 14,128 units an arm, in the control's variance
    plan = plan_of(read_metric("feedback"), read_size("0.01"), (1, 1), Baseline(0.1, 0.3, per_day=2000), 0.05, 0.8)
    assert plan.fixed == pytest.approx(2 * 14_128, rel=1e-3)
    # many looks cost, and stopping early gives back most of it
    assert 1.5 * plan.fixed < plan.total < 2 * plan.fixed
    assert plan.days is not None
    assert plan.typical is not None
    assert plan.days == -(-plan.total // 2000)
    assert 0.5 < plan.typical / plan.days < 0.8


def test_arms_share_the_units_by_their_weights() -> None:
    plan = plan_of(read_metric("value"), read_size("1"), (2, 1, 1), Baseline(10, 5), 0.05, 0.8)
    assert plan.units[0] == pytest.approx(2 * plan.units[1], abs=2)
    assert plan.days is None
    assert plan.typical is None


def test_a_covariate_that_explains_half_of_the_variance_halves_the_sample() -> None:
    full = plan_of(read_metric("value"), read_size("1"), (1, 1), Baseline(10, 20), 0.05, 0.8)
    half = plan_of(read_metric("value"), read_size("1"), (1, 1), Baseline(10, 20, explained=0.5), 0.05, 0.8)
    assert half.total == pytest.approx(full.total / 2, rel=1e-3)


def test_no_arm_is_planned_below_what_an_interval_needs() -> None:
    plan = plan_of(read_metric("value"), read_size("100"), (9, 1), Baseline(10, 1), 0.05, 0.8)
    assert min(plan.units) >= 100


@pytest.mark.parametrize(
    ("metric", "effect", "weights", "baseline", "alpha", "power"),
    [
        ("feedback", "10%", (1,), SHARE, 0.05, 0.8),
        ("feedback", "10%", (1, 0), SHARE, 0.05, 0.8),
        ("feedback", "10%", (1, 1), Baseline(0.0, 0.0), 0.05, 0.8),
        ("feedback", "0.95", (1, 1), SHARE, 0.05, 0.8),
        ("value", "1", (1, 1), Baseline(10, 0.0), 0.05, 0.8),
        ("value", "0.00000001", (1, 1), Baseline(10, 20.0), 0.05, 0.8),
        ("value", "1", (1, 1), Baseline(10, 20.0), 0.9, 0.95),
        ("value", "1", (1, 1), Baseline(10, 20.0), 0.05, 1.0),
    ],
)
def test_what_no_sample_can_do_is_refused(
    metric: str, effect: str, weights: tuple[float, ...], baseline: Baseline, alpha: float, power: float
) -> None:
    with pytest.raises(ConfigError):
        plan_of(read_metric(metric), read_size(effect), weights, baseline, alpha, power)
