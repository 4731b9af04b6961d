"""A classifier tells rows apart where only their combinations changed, and does not where nothing did."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from tabi.monitoring.domain import LEAST, compare_domains, delong
from tabi.monitoring.watched import Values


def rows(seed: int, count: int, *, together: bool) -> dict[str, Values]:
    """Two columns that go together, or that have the same distributions and do not, and one of noise."""
    random = np.random.default_rng(seed)
    x = random.normal(size=count)
    town = random.choice(["a", "b"], count)
    if together:
        town = np.where(x > 0, "a", "b")
    return {"x": x, "town": town.tolist(), "noise": random.normal(size=count)}


def test_columns_that_no_longer_go_together_are_seen_and_named() -> None:
    with threadpool_limits(1):
        found = compare_domains(rows(1, 400, together=True), rows(2, 400, together=False))
        same = compare_domains(rows(1, 400, together=True), rows(3, 400, together=True))
    assert found is not None
    assert same is not None
    assert found.drifted
    assert set(found.columns) == {"x", "town"}
    assert found.auc == pytest.approx(0.75, abs=0.08)
    assert not same.drifted
    assert same.low < 0.5 < same.high
    assert (same.rows, same.reference_rows) == (400, 400)


def test_rows_that_are_asked_for_again_and_again_are_not_told_by_that() -> None:
    reference = rows(1, 400, together=True)
    again = np.tile(np.arange(400), 4)
    now: dict[str, Values] = {
        name: values[again] if isinstance(values, np.ndarray) else [values[place] for place in again]
        for name, values in reference.items()
    }
    with threadpool_limits(1):
        found = compare_domains(reference, now)
    assert found is not None
    assert found.auc == pytest.approx(0.5, abs=0.05)
    # one row alone falls into one fold, so nothing can be said of it
    constant: dict[str, Values] = {"x": np.ones(LEAST)}
    assert compare_domains(constant, constant) is None


def test_too_few_rows_tell_nothing() -> None:
    assert compare_domains(rows(1, 400, together=True), rows(2, LEAST - 1, together=True)) is None
    assert compare_domains({}, {}) is None


def test_delong_by_hand_and_against_its_own_repetition() -> None:
    positive, negative = np.array([0.9, 0.5, 0.5]), np.array([0.5, 0.1])
    pairs = [1.0 if p > n else 0.5 if p == n else 0.0 for p, n in product(positive, negative)]
    assert delong(positive, negative)[0] == pytest.approx(np.mean(pairs))
    random = np.random.default_rng(9)
    found = [delong(random.normal(1, 1, 80), random.normal(0, 1, 60)) for _ in range(400)]
    areas, errors = np.array(found).T
    assert np.mean(errors) == pytest.approx(np.std(areas), rel=0.15)
