"""Estimates agree with what their definitions say, and their intervals hold the truth as often as they promise."""

from __future__ import annotations

from math import isnan, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, log_loss, r2_score, roc_auc_score

from tabi.monitoring.intervals import Z, auc, f1, macro_auc, mean, share
from tabi.monitoring.measures import Labelled, measures_of


@given(st.integers(1, 5000), st.floats(0, 1))
def test_an_interval_of_a_share_stays_within_and_around_it(rows: int, part: float) -> None:
    found = share(round(part * rows), rows)
    assert 0 <= found.low <= found.value + 1e-12
    assert found.value - 1e-12 <= found.high <= 1
    # its ends are the shares from which the one that was seen is Z standard errors away
    for end in (found.low, found.high):
        if 0 < end < 1:
            assert abs(found.value - end) == pytest.approx(Z * sqrt(end * (1 - end) / rows), rel=1e-6, abs=1e-6)


def slow_components(y: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    above = (score[y][:, None] > score[~y][None, :]) + 0.5 * (score[y][:, None] == score[~y][None, :])
    return above.mean(axis=1), above.mean(axis=0)


@settings(max_examples=50)
@given(st.integers(0, 2**32 - 1), st.integers(4, 40), st.integers(2, 9))
def test_auc_and_its_error_are_those_of_the_definition(seed: int, rows: int, levels: int) -> None:
    random = np.random.default_rng(seed)
    # few levels, so that there are ties
    score, y = random.integers(0, levels, rows) / levels, np.arange(rows) % 2 == 0
    found = auc(y, score)
    of_positive, of_negative = slow_components(y, score)
    error = sqrt(of_positive.var(ddof=1) / y.sum() + of_negative.var(ddof=1) / (~y).sum())
    assert found.value == pytest.approx(roc_auc_score(y, score))
    assert found.low == pytest.approx(max(0, found.value - Z * error))
    assert found.high == pytest.approx(min(1, found.value + Z * error))


def test_the_auc_of_two_classes_is_the_macro_auc_of_them() -> None:
    random = np.random.default_rng(1)
    y, p = random.integers(0, 2, 3000), random.random(3000)
    p = np.clip(p + 0.2 * y, 0, 1)
    two, several = auc(y == 1, p), macro_auc(y, np.column_stack([1 - p, p]))
    assert several.value == pytest.approx(two.value)
    assert several.low == pytest.approx(two.low, abs=1e-4)


@pytest.mark.parametrize("kind", ["auc", "macro_auc", "f1", "share", "mean"])
def test_19_of_20_intervals_hold_the_truth(kind: str) -> None:
    random = np.random.default_rng(7)

    def draw(rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        y = random.integers(0, 3, rows)
        p = random.dirichlet([1, 1, 1], rows) + 0.3 * np.eye(3)[y]
        return y, p / p.sum(axis=1, keepdims=True), y == 2

    def estimate(rows: int) -> tuple[float, float, float]:
        y, p, positive = draw(rows)
        score = p[:, 2]
        decided = score > 0.45
        if kind == "auc":
            return auc(positive, score)
        if kind == "macro_auc":
            return macro_auc(y, p)
        if kind == "f1":
            return f1(int((positive & decided).sum()), int((positive != decided).sum()))
        return share(int((positive == decided).sum()), rows) if kind == "share" else mean(score**2)

    truth = estimate(200_000)[0]
    held = sum(low <= truth <= high for _, low, high in (estimate(300) for _ in range(400)))
    # of 400 draws at 95 %, fewer than 366 have a chance of 1 in 400
    assert 366 <= held <= 395


def test_the_measures_are_those_of_a_release() -> None:
    random = np.random.default_rng(3)
    y = random.integers(0, 2, 500)
    p = np.clip(0.3 * y + random.random(500) * 0.7, 0, 1)
    decided = (p >= 0.4).astype(int)
    found = measures_of("binary", Labelled(y, p, decided))
    assert found["auc"].value == pytest.approx(roc_auc_score(y, p))
    assert found["acc_at_threshold"].value == pytest.approx(accuracy_score(y, decided))
    assert found["f1_at_threshold"].value == pytest.approx(f1_score(y, decided))
    assert found["log_loss"].value == pytest.approx(log_loss(y, p))
    numbers = measures_of("regression", Labelled(y.astype(float), p, np.empty(0)))
    assert numbers["r2"].value == pytest.approx(r2_score(y, p))
    assert numbers["rmse"].value == pytest.approx(sqrt(np.mean((y - p) ** 2)))
    assert numbers["mae"].low < numbers["mae"].value < numbers["mae"].high
    classes = random.integers(0, 3, 500)
    given_p = random.dirichlet([1, 1, 1], 500)
    several = measures_of("multiclass", Labelled(classes, given_p, given_p.argmax(axis=1)))
    assert several["auc"].value == pytest.approx(roc_auc_score(classes, given_p, multi_class="ovr"))
    assert several["f1_macro"].value == pytest.approx(f1_score(classes, given_p.argmax(axis=1), average="macro"))
    assert several["log_loss"].value == pytest.approx(log_loss(classes, given_p))


def test_one_class_or_no_row_has_no_auc() -> None:
    assert isnan(auc(np.ones(5, bool), np.arange(5.0)).value)
    assert isnan(macro_auc(np.zeros(5, int), np.ones((5, 3)) / 3).value)
    assert isnan(share(0, 0).value)
    assert measures_of("binary", Labelled(np.empty(0), np.empty(0), np.empty(0))) == {}
