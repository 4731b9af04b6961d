from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score, precision_score, recall_score

from tabi.errors import ConfigError
from tabi.project import ThresholdConfig
from tabi.project.config import Criterion
from tabi.training.threshold import choose_threshold

ROWS = st.lists(st.tuples(st.booleans(), st.integers(0, 10)), min_size=2, max_size=40).filter(
    lambda rows: any(label for label, _ in rows)
)


def arrays(rows: Any) -> Any:
    return np.array([int(label) for label, _ in rows], dtype=np.int8), np.array([p / 10 for _, p in rows])


@settings(max_examples=40)
@given(ROWS)
def test_no_other_threshold_has_a_better_f1(rows: Any) -> None:
    y, probability = arrays(rows)
    chosen = choose_threshold(y, probability, ThresholdConfig())
    assert chosen.score is not None
    assert chosen.score == pytest.approx(f1_score(y, probability >= chosen.value))
    for other in np.linspace(0, 1, 21):
        assert f1_score(y, probability >= other, zero_division=0) <= chosen.score + 1e-12
    assert 0 <= chosen.value <= 1


@settings(max_examples=40)
@given(ROWS, st.floats(0.1, 10), st.floats(0.1, 10))
def test_no_other_threshold_costs_less(rows: Any, false_positive: float, false_negative: float) -> None:
    y, probability = arrays(rows)

    def cost(threshold: float) -> float:
        decided = probability >= threshold
        missed = (~decided & (y == 1)).sum()
        return float(false_positive * (decided & (y == 0)).sum() + false_negative * missed) / len(y)

    config = ThresholdConfig(Criterion.cost, cost_false_positive=false_positive, cost_false_negative=false_negative)
    chosen = choose_threshold(y, probability, config)
    assert chosen.score is not None
    assert chosen.score == pytest.approx(cost(chosen.value))
    assert all(cost(other) >= chosen.score - 1e-12 for other in np.linspace(0, 1, 21))


@settings(max_examples=40)
@given(ROWS, st.floats(0.05, 1))
def test_of_the_thresholds_that_reach_a_recall_none_has_a_better_precision(rows: Any, stated: float) -> None:
    y, probability = arrays(rows)
    chosen = choose_threshold(y, probability, ThresholdConfig(Criterion.recall, recall=stated))
    assert chosen.score is not None
    assert recall_score(y, probability >= chosen.value) >= stated
    assert chosen.score == pytest.approx(precision_score(y, probability >= chosen.value, zero_division=0))
    for other in np.linspace(0, 1, 21):
        if recall_score(y, probability >= other) >= stated:
            assert precision_score(y, probability >= other, zero_division=0) <= chosen.score + 1e-12


@settings(max_examples=40)
@given(ROWS, st.floats(0.05, 1))
def test_of_the_thresholds_that_reach_a_precision_none_has_a_better_recall(rows: Any, stated: float) -> None:
    y, probability = arrays(rows)
    reached = [other for other in np.linspace(0, 1, 21) if _precision(y, probability, other) >= stated]
    config = ThresholdConfig(Criterion.precision, precision=stated)
    if not reached:
        with pytest.raises(ConfigError, match=r"threshold\.precision=.* is reached by no threshold"):
            choose_threshold(y, probability, config)
        return
    chosen = choose_threshold(y, probability, config)
    assert chosen.score is not None
    assert _precision(y, probability, chosen.value) >= stated
    assert chosen.score == pytest.approx(recall_score(y, probability >= chosen.value))
    assert all(recall_score(y, probability >= other) <= chosen.score + 1e-12 for other in reached)


def _precision(y: Any, probability: Any, threshold: float) -> float:
    return float(precision_score(y, probability >= threshold, zero_division=0))


def test_of_equally_good_thresholds_the_nearest_to_a_half_is_taken() -> None:
    y, probability = np.array([0, 0, 1, 1], dtype=np.int8), np.array([0.1, 0.2, 0.7, 0.8])
    assert choose_threshold(y, probability, ThresholdConfig()).value == pytest.approx(0.45)


def test_a_fixed_threshold_is_taken_as_it_is_and_must_lie_inside() -> None:
    y, probability = np.array([0, 1], dtype=np.int8), np.array([0.1, 0.9])
    assert choose_threshold(y, probability, ThresholdConfig(Criterion.fixed, 0.3)) == (0.3, "fixed", None)
    with pytest.raises(ConfigError, match=r"threshold\.value=1\.5"):
        choose_threshold(y, probability, ThresholdConfig(Criterion.fixed, 1.5))
