"""Beliefs against integrals that are known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tabi.experiments.bayes import beliefs_of
from tabi.experiments.metric import read_metric
from tests.experiments.sums import sums


def test_the_probability_to_be_best_is_that_of_two_normals() -> None:
    a, b = np.tile([9.0, 11.0], 200), np.tile([9.1, 11.1], 200)
    first, second = beliefs_of(read_metric("value"), {"a": sums(a), "b": sums(b)})
    error = math.sqrt(2 * a.var(ddof=1) / 400)
    assert second.best == pytest.approx(0.5 * math.erfc(-0.1 / error / math.sqrt(2)), abs=0.01)
    assert first.best + second.best == pytest.approx(1)
    # the loss of the worse arm is that of the better one and the difference
    assert first.loss - second.loss == pytest.approx(0.1, abs=0.01)


def test_a_share_has_a_beta_posterior_and_less_may_be_better() -> None:
    arms = {"a": sums([1.0] * 1 + [0.0] * 2), "b": sums([0.0] * 3)}
    # Beta(2, 3) above Beta(1, 4): ∫ F_b dF_a = 1 - B(2, 7) / B(2, 3) = 1 - (1/56) / (1/12)
    up = beliefs_of(read_metric("feedback"), arms)
    assert up[0].best == pytest.approx(1 - 12 / 56, abs=0.01)
    down = beliefs_of(read_metric("feedback:down"), arms)
    assert down[1].best == pytest.approx(up[0].best, abs=0.01)


def test_one_arm_alone_is_not_compared() -> None:
    assert beliefs_of(read_metric("value"), {"a": sums([1.0, 2.0])}) == []
