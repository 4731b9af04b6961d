"""Where probabilities are calibrated, what is expected is what labels then say."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, roc_auc_score

from tabi.monitoring.estimate import estimate_binary, estimate_top


def test_the_intervals_hold_what_labels_say_as_often_as_promised() -> None:
    random = np.random.default_rng(5)
    held = np.zeros(2)
    for _ in range(20):
        p = random.beta(0.6, 1.5, 800)
        y = random.random(800) < p
        found = estimate_binary(p, 0.4)
        assert found is not None
        assert found.auc_interval is not None
        of_accuracy, of_area = accuracy_score(y, p >= 0.4), roc_auc_score(y, p)
        held += [
            found.accuracy_interval[0] <= of_accuracy <= found.accuracy_interval[1],
            found.auc_interval[0] <= of_area <= found.auc_interval[1],
        ]
    assert (held / 20 >= 0.85).all()


def test_by_hand() -> None:
    found = estimate_binary(np.array([0.9, 0.2, np.nan]), 0.5)
    assert found is not None
    assert (found.rows, found.auc) == (2, None)
    assert found.accuracy == pytest.approx(0.85)
    p = np.repeat([0.25, 0.75], 100)
    found = estimate_binary(p, 0.5)
    assert found is not None
    # of a pair of both classes: 9/16 in order, 1/16 in the wrong one, 6/16 alike
    assert found.auc == pytest.approx(12 / 16)


def test_a_large_window_has_a_narrow_interval_around_its_own_area() -> None:
    p = np.random.default_rng(6).beta(0.5, 0.5, 25_000)
    found = estimate_binary(p, 0.5)
    assert found is not None
    assert found.auc is not None
    assert found.auc_interval is not None
    low, high = found.auc_interval
    assert low < found.auc < high
    assert high - low < 0.012


def test_of_several_classes_the_accuracy_alone() -> None:
    found = estimate_top(np.array([0.5, 0.7]))
    assert found is not None
    assert found.accuracy == pytest.approx(0.6)
    assert found.auc is None
    assert estimate_top(np.array([np.nan])) is None
    assert estimate_binary(np.array([]), 0.5) is None
