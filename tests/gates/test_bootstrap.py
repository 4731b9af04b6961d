"""Scores of resamples against scikit-learn's, and intervals against what is known of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import r2_score, roc_auc_score

from tabi.gates.bootstrap import auc_scorer, difference_of, interval_of, scorer_of

rows = st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.integers(0, 4)), min_size=2, max_size=30)


@given(rows)
def test_a_weighted_auc_is_that_of_the_repeated_rows(table: list[tuple[bool, int, int]]) -> None:
    y, score, times = (np.array(column) for column in zip(*table, strict=True))
    found = auc_scorer(y, score.astype(float))(times[None, :].astype(float))[0]
    drawn = np.repeat(y, times)
    if 0 < drawn.sum() < len(drawn):
        assert found == pytest.approx(roc_auc_score(drawn, np.repeat(score, times)))
    else:
        assert np.isnan(found)


def test_the_scores_of_all_tasks_are_scikit_learn_s() -> None:
    random = np.random.default_rng(0)
    once = np.ones((1, 200))
    number = random.normal(size=200)
    value = number + random.normal(size=200)
    assert scorer_of("regression", number, value)(once)[0] == pytest.approx(r2_score(number, value))
    classes, shares = random.integers(0, 3, 200), random.dirichlet([1, 1, 1], 200)
    expected = roc_auc_score(classes, shares, multi_class="ovr")
    assert scorer_of("multiclass", classes, shares)(once)[0] == pytest.approx(expected)


def test_an_interval_holds_the_estimate_and_narrows_with_the_rows() -> None:
    random = np.random.default_rng(0)
    widths = []
    for count in (100, 1600):
        y = random.random(count) < 0.5
        found = interval_of(auc_scorer(y, y + random.normal(size=count)), count, 300, seed=1)
        assert found.low < found.value < found.high
        widths.append(found.high - found.low)
    assert widths[1] < widths[0] / 2


def test_a_paired_difference_is_narrower_than_its_parts() -> None:
    random = np.random.default_rng(0)
    y = random.random(500) < 0.5
    score = y + random.normal(size=500)
    first, second = auc_scorer(y, score), auc_scorer(y, score + 0.05 * random.normal(size=500))
    alone, paired = interval_of(first, 500, 300, seed=1), difference_of(first, second, 500, 300, seed=1)
    assert paired.high - paired.low < (alone.high - alone.low) / 3
    assert difference_of(first, first, 500, 100, seed=1) == (0.0, 0.0, 0.0)


def test_rows_of_one_class_have_no_interval() -> None:
    found = interval_of(auc_scorer(np.ones(20, dtype=bool), np.arange(20.0)), 20, 100, seed=0)
    assert np.isnan(found).all()
