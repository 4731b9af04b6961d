"""The laws of assignment. The same on a million units: tests/system/test_assignment.py."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import chi2, chi2_contingency, chisquare

from tabi.errors import ConfigError
from tabi.policy import assign

UNITS = 50_000
FEW = settings(max_examples=30)

weight = st.floats(0.001, 1000)
arms = st.lists(weight, min_size=1, max_size=12)
text = st.text(max_size=30)


@FEW
@given(text, text, arms)
def test_an_assignment_is_sticky(salt: str, unit: str, weights: list[float]) -> None:
    assert assign(salt, unit, weights) == assign(salt, unit, tuple(weights))


def test_an_assignment_is_the_same_in_another_process_and_stays_so_between_releases() -> None:
    program = "from tabi.policy import assign; print([assign('s', f'u{i}', (95, 5, 20)) for i in range(20)])"
    found = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    known = [0, 2, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 0, 0, 0]
    assert found.strip() == str(known) == str([assign("s", f"u{i}", (95, 5, 20)) for i in range(20)])


@FEW
@given(text, text, arms, st.data())
def test_a_unit_moves_only_into_an_arm_that_grew(
    salt: str, unit: str, weights: list[float], data: st.DataObject
) -> None:
    grown = [w * data.draw(st.sampled_from((1.0, 1.0, 1.5, 100.0))) for w in weights]
    before, after = assign(salt, unit, weights), assign(salt, unit, grown)
    assert after == before or grown[after] > weights[after]


@FEW
@given(text, text, arms, arms)
def test_a_unit_moves_only_into_an_arm_that_was_added(
    salt: str, unit: str, weights: list[float], more: list[float]
) -> None:
    before, after = assign(salt, unit, weights), assign(salt, unit, weights + more)
    assert after == before or after >= len(weights)


@FEW
@given(text, text, st.floats(0.1, 99.0), st.floats(0.1, 99.0))
def test_a_unit_of_a_canary_stays_in_it_while_its_share_grows(salt: str, unit: str, one: float, two: float) -> None:
    small, large = sorted((one, two))
    assert not assign(salt, unit, (100 - small, small)) or assign(salt, unit, (100 - large, large))


@FEW
@given(text, text, arms, st.integers(-20, 20))
def test_only_the_ratio_of_weights_counts(salt: str, unit: str, weights: list[float], power: int) -> None:
    assert assign(salt, unit, weights) == assign(salt, unit, [w * 2.0**power for w in weights])


@FEW
@given(text, text, arms, st.integers(0, 11))
def test_an_arm_without_weight_gets_nobody(salt: str, unit: str, weights: list[float], place: int) -> None:
    assume(place < len(weights) and len(weights) > 1)
    assert assign(salt, unit, [0.0 if i == place else w for i, w in enumerate(weights)]) != place


@pytest.mark.parametrize("weights", [(50.0, 50.0), (95.0, 5.0), (1.0, 2.0, 3.0, 4.0), (1.0,) * 10])
def test_shares_are_exact_within_binomial_error(weights: tuple[float, ...]) -> None:
    counts = Counter(assign("shares", f"unit-{i}", weights) for i in range(UNITS // 5))
    total = counts.total()
    expected = [total * w / sum(weights) for w in weights]
    assert chisquare([counts[i] for i in range(len(weights))], expected).pvalue > 0.001


def test_two_salts_assign_independently() -> None:
    joint = [[0, 0, 0], [0, 0, 0]]
    for i in range(UNITS):
        joint[assign("checkout", str(i), (1, 1))][assign("search", str(i), (1, 1, 1))] += 1
    assert chi2_contingency(joint).pvalue > 0.001
    # not too even either: 2 degrees of freedom
    assert chi2_contingency(joint).statistic > chi2.ppf(0.001, 2)


@pytest.mark.parametrize("weights", [(), (0.0, 0.0), (1.0, -1.0), (1.0, float("nan")), (float("inf"), 1.0)])
def test_weights_that_are_none_are_refused(weights: tuple[float, ...]) -> None:
    with pytest.raises(ConfigError, match="weights of arms"):
        assign("salt", "unit", weights)


def test_weights_at_the_ends_of_a_double_still_give_an_arm() -> None:
    assert assign("salt", "unit", (5e-324, 5e-324)) in {0, 1}
    assert assign("salt", "unit", (5e-324, 1e308)) == 1
