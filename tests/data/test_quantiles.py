"""Bins from batches are those of NumPy's quantiles over all numbers at once."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tabi.data.quantiles import BINS, reference_of

Numbers = npt.NDArray[np.float64]
few = st.sampled_from([0.0, -0.0, 1.0, 1.0000000000000002, -1e300, 1e300, 5e-324, -5e-324, np.nan, np.inf, -np.inf])
tables = arrays(np.float64, st.integers(0, 60), elements=few) | arrays(np.float64, st.integers(0, 60))


def edges_of(numbers: Numbers) -> list[float]:
    present = numbers[np.isfinite(numbers)]
    shares = np.linspace(0, 1, BINS + 1)[1:-1]
    return np.unique(np.quantile(present, shares, method="inverted_cdf") + 0.0).tolist() if present.size else []


@given(tables, st.integers(1, 70), st.sampled_from([0, 20, 1000]))
def test_any_cut_and_any_memory_give_the_quantiles_of_numpy(numbers: Numbers, size: int, sorted_at_most: int) -> None:
    def batches() -> Iterator[Numbers]:
        return (numbers[start : start + size] for start in range(0, len(numbers), size))

    found = reference_of(batches, sorted_at_most)
    assert list(found.edges) == edges_of(numbers)
    present = numbers[np.isfinite(numbers)]
    places = np.searchsorted(np.array(found.edges), present, side="left")
    assert list(found.counts) == np.bincount(places, minlength=len(found.edges) + 1).tolist()
    assert found.missing == len(numbers) - len(present)


@pytest.mark.parametrize("count", [1, 10, 11, 12, 100_003])
def test_the_ranks_are_those_of_numpy_for_small_and_large_tables(count: int) -> None:
    numbers = np.random.default_rng(count).normal(size=count).round(3)
    found = reference_of(lambda: iter(np.array_split(numbers, 7)), sorted_at_most=0)
    assert list(found.edges) == edges_of(numbers)
