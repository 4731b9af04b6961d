"""One row at a time or many at once: a row is as rare."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabi.contract import (
    CategoricalColumn,
    CategoricalReference,
    Contract,
    NumericColumn,
    NumericReference,
    Target,
    Tensors,
    TextColumn,
)
from tabi.contract.rarity import Rarity, bound_of

CONTRACT = Contract(
    "shop",
    (
        NumericColumn("age", reference=NumericReference((20.0, 40.0), (50, 49, 1), 0)),
        CategoricalColumn("town", ("a", "b"), reference=CategoricalReference((90, 9), 0, 1)),
        NumericColumn("unknown"),
        TextColumn("note", reference=NumericReference((3.0,), (80, 20), 0)),
        CategoricalColumn("plan", ("x",)),
    ),
    Target("y", ("no", "yes")),
)
ages = st.sampled_from([1.0, 20.0, 20.5, 41.0, math.nan])
texts = st.sampled_from(["a", "b", "c", ""])
rows = st.lists(st.tuples(ages, ages, texts, texts, st.sampled_from(["", "abc", "abcd"])), min_size=1, max_size=8)


def tensors(given_rows: list[tuple[float, float, str, str, str]]) -> Tensors:
    numeric = np.array([row[:2] for row in given_rows], dtype=np.float64)
    return Tensors(numeric, np.array([row[2:] for row in given_rows], dtype=object).reshape(len(given_rows), 3))


@given(rows, st.floats(0, 40))
def test_a_row_is_as_rare_alone_as_among_others(
    given_rows: list[tuple[float, float, str, str, str]], bound: float
) -> None:
    together = tensors(given_rows)
    rarity = Rarity(CONTRACT, bound)
    alone = [
        rarity.of_row(numbers, words)
        for numbers, words in zip(together.numeric.tolist(), together.categorical.tolist(), strict=True)
    ]
    assert rarity.of_rows(together) == pytest.approx(alone)
    for nats, numbers, words in zip(alone, together.numeric.tolist(), together.categorical.tolist(), strict=True):
        assert rarity.is_rare(numbers, words) is (nats > bound)


def test_nats_by_hand() -> None:
    (found,) = Rarity(CONTRACT, 0).of_rows(tensors([(41.0, math.nan, "", "z", "abcd")]))
    of_age, of_town, of_note = 1.5 / 102, 1.5 / 102, 20.5 / 101.5
    assert found == pytest.approx(-math.log(of_age * of_town * of_note))


def test_the_bound_is_passed_by_as_many_rows_as_its_quantile_says() -> None:
    random = np.random.default_rng(5)
    drawn = [
        (float(random.uniform(0, 45)), 0.0, str(random.choice(["a", "b", ""], p=[0.9, 0.09, 0.01])), "x", "abc")
        for _ in range(2000)
    ]
    bound = bound_of(CONTRACT, tensors(drawn), 0.99)
    assert bound.rows == 2000
    faults = Rarity(CONTRACT, bound.bound).faults(tensors(drawn))
    assert 0 < len(faults) <= 20
    assert {(fault.column, fault.rule) for fault in faults} == {("", "rare")}
