"""Chains of sets: each set in one of them, and membership a comparison of ranks."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tabi.bundle.chains import chains_of, ranks

COUNT = 12
sets = st.lists(st.integers(0, (1 << COUNT) - 1), max_size=20)


@given(sets)
def test_each_set_stands_once_and_holds_those_before_it(given: list[int]) -> None:
    chains = chains_of(given)
    assert sorted(each for chain in chains for each in chain) == sorted(set(given))
    for chain in chains:
        assert all(smaller & larger == smaller for smaller, larger in pairwise(chain))


@given(sets)
def test_an_element_is_in_a_set_where_its_rank_is_not_above_the_sets_place(given: list[int]) -> None:
    chains = chains_of(given)
    found = ranks(chains, COUNT)
    for column, chain in enumerate(chains):
        for place, each in enumerate(chain):
            assert [rank <= place for rank in found[:, column]] == [bool(each >> i & 1) for i in range(COUNT)]


def test_sets_within_each_other_are_one_chain() -> None:
    assert chains_of([0b1111, 0b1, 0b11, 0b1]) == [[0b1, 0b11, 0b1111]]
