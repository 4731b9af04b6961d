"""Metrics by weights are scikit-learn's metrics, and their intervals hold what they should."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tabi.contract import Task
from tabi.registry.card.intervals import metric_intervals, scorers_of
from tabi.training.metrics import Floats, Labels, binary_metrics, multiclass_metrics, regression_metrics

ROWS = 30
THRESHOLD = 0.4


def drawn(task: Task, seed: int) -> tuple[Labels, Floats]:
    """Labels and answers, with scores that are equal to each other."""
    random = np.random.default_rng(seed)
    if task == "regression":
        y = random.normal(size=ROWS)
        return y, y + random.normal(size=ROWS)
    if task == "binary":
        return random.integers(0, 2, ROWS).astype(np.int8), random.integers(0, 11, ROWS) / 10
    given = random.dirichlet(np.ones(3), ROWS)
    return random.integers(0, 3, ROWS), given


def recorded(task: Task, y: Labels, given: Floats) -> dict[str, float]:
    if task == "binary":
        return binary_metrics(y, given, THRESHOLD)
    return multiclass_metrics(y, given) if task == "multiclass" else regression_metrics(y, given)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@given(seed=st.integers(0, 10_000))
def test_a_weight_is_how_often_a_row_is_there(task: Task, seed: int) -> None:
    y, given_ = drawn(task, seed)
    times = np.random.default_rng(seed + 1).integers(0, 4, ROWS)
    y_many, given_many = np.repeat(y, times), np.repeat(given_, times, axis=0)
    # scikit-learn has no AUC where a class is absent
    assume(task == "regression" or len(np.unique(y_many)) == len(np.unique(y)) == (2 if task == "binary" else 3))
    scorers = scorers_of(task, y, given_, THRESHOLD)
    for weights, truth in (
        (np.ones(ROWS), recorded(task, y, given_)),
        (times.astype(float), recorded(task, y_many, given_many)),
    ):
        for name, scorer in scorers.items():
            assert scorer(weights[None, :])[0] == pytest.approx(truth[name], abs=1e-9), name
    # what is not resampled only counts rows
    assert set(truth) - set(scorers) <= {"test_rows", "test_positive_share"}


def test_an_interval_holds_its_value_and_narrows_with_more_rows() -> None:
    random = np.random.default_rng(3)
    widths = []
    for rows in (100, 10_000):
        y = random.integers(0, 2, rows).astype(np.int8)
        given_ = np.clip(0.5 + 0.3 * (y - 0.5) + random.normal(0, 0.2, rows), 0, 1)
        found, resamples = metric_intervals("binary", y, given_, 0.5, seed=7)
        assert resamples == 1000
        assert all(each.low <= each.value <= each.high for each in found.values())
        widths.append(found["acc"].high - found["acc"].low)
        assert metric_intervals("binary", y, given_, 0.5, seed=7)[0] == found
    # a share's interval goes with the root of the rows
    assert 7 < widths[0] / widths[1] < 14


def test_a_large_test_set_takes_fewer_resamples() -> None:
    y = np.arange(100_001.0)
    assert metric_intervals("regression", y, y + 1, None, seed=1)[1] == 200
