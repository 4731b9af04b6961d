"""Several arms: the levels of Holm, by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabi.experiments.effect import Pair
from tabi.experiments.several import effects_of, holm


def test_the_levels_are_those_of_holm() -> None:
    found = holm([0.04, 0.01, 0.03], 0.05)
    # 0.01 ≤ 0.05/3 is rejected; 0.03 > 0.05/2 stops, and the rest stays at that level
    assert [each.alpha for each in found] == pytest.approx([0.025, 0.05 / 3, 0.025])
    assert [each.p for each in found] == pytest.approx([0.06, 0.03, 0.06])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_an_adjusted_p_value_is_below_the_level_of_all_just_when_the_plain_is_below_its_own(
    ps: list[float],
) -> None:
    for p, level in zip(ps, holm(ps, 0.05), strict=True):
        if abs(p - level.alpha) > 1e-12 and abs(level.p - 0.05) > 1e-12:
            assert (p < level.alpha) == (level.p < 0.05)


def test_an_arm_that_cannot_be_read_yet_counts() -> None:
    pair = Pair("b", "value", (500, 500), 10.0, 10.4, 0.1, 0.01, 8.0, 0.0)
    alone, none = effects_of([pair, None], 0.05)
    assert alone is not None
    assert none is None
    assert alone.alpha == pytest.approx(0.025)
