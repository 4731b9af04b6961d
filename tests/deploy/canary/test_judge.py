"""The gates see what is worse, and seldom what is not, however often they look."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabi.deploy.canary.judge import Bounds, judge, psi, quantile
from tabi.deploy.canary.meter import ArmCounts

LE = (0.005, 0.01, 0.025, 0.05, 0.1)
RANDOM = np.random.default_rng(20261122)


def grown(arm: ArmCounts, requests: int, *, errors: float = 0.01, warnings: float = 0.05, slow: float = 1.0,
          scores: tuple[float, ...] = (0.25, 0.25, 0.25, 0.25)) -> ArmCounts:  # fmt: skip
    """So many requests more, drawn by their rates; `slow`: how many times as long they take."""
    arm.requests += requests
    arm.errors += RANDOM.binomial(requests, errors)
    arm.predictions += requests
    arm.warnings += RANDOM.poisson(requests * warnings)
    took = RANDOM.lognormal(np.log(0.004 * slow), 0.5, requests)
    for le in LE:
        arm.durations[le] = arm.durations.get(le, 0) + float((took <= le).sum())
    for index, count in enumerate(RANDOM.multinomial(requests, scores)):
        arm.scores[str(index)] = arm.scores.get(str(index), 0) + float(count)
    return arm


def ended(champion: int, challenger: int, looks: int = 20, **differs: object) -> str:
    """The gate that ends a canary of so many requests a look, or nothing."""
    one, two = ArmCounts(), ArmCounts()
    for look in range(1, looks + 1):
        grown(one, champion)
        grown(two, challenger, **differs)  # type: ignore[arg-type]
        for verdict in judge(one, two, Bounds(), look):
            if verdict.worse:
                return verdict.gate
    return ""


@pytest.mark.system
def test_an_equal_challenger_is_seldom_ended_over_many_looks() -> None:
    false_alarms = sum(bool(ended(500, 50)) for _ in range(60))
    # at most 5 % are allowed: of 60 more than 7 would be seen once in a hundred
    assert false_alarms <= 7


@pytest.mark.parametrize(
    ("gate", "differs"),
    [
        ("errors", {"errors": 0.2}),
        ("p95", {"slow": 4.0}),
        ("warnings", {"warnings": 0.5}),
        ("scores", {"scores": (0.7, 0.1, 0.1, 0.1)}),
    ],
)
def test_a_challenger_that_is_worse_is_ended_for_what_it_is(gate: str, differs: dict[str, object]) -> None:
    assert [ended(500, 50, 20, **differs) for _ in range(3)] == [gate] * 3


def test_a_few_requests_prove_nothing() -> None:
    one, two = grown(ArmCounts(), 1000), ArmCounts(requests=2, errors=1, predictions=2)
    assert not any(verdict.worse for verdict in judge(one, two, Bounds(), 1))
    assert not any(verdict.worse for verdict in judge(ArmCounts(), ArmCounts(), Bounds(), 1))


counts = st.lists(st.integers(0, 1000), min_size=3, max_size=3)


@given(counts, counts)
def test_the_stability_index_is_not_negative_and_nothing_of_equals(one: list[int], two: list[int]) -> None:
    first, second = ({str(i): float(n) for i, n in enumerate(each)} for each in (one, two))
    assert psi(first, second) >= 0
    assert psi(first, first) == 0


def test_the_quantile_is_the_first_bound_that_holds_it() -> None:
    arm = ArmCounts(requests=100)
    arm.durations.update({0.01: 94, 0.025: 95, 0.05: 100})
    assert quantile(arm, 0.95) == 0.025
    assert quantile(ArmCounts(), 0.95) is None
