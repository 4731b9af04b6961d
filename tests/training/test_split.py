from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

from tabi.errors import DataError
from tabi.project import SplitConfig
from tabi.training.split import cut, nested_subsamples, stratified_folds


def labels(rows: int, positives: int, seed: int = 0) -> Any:
    y = np.zeros(rows, dtype=np.int8)
    y[np.random.default_rng(seed).permutation(rows)[:positives]] = 1
    return y


def test_the_cut_is_scikit_learn_s_own_on_the_data_s_own_labels() -> None:
    codes = load_breast_cancer().target
    expected = train_test_split(np.arange(len(codes)), test_size=0.2, stratify=codes, random_state=42)
    found = cut((codes == 0).astype(np.int8), SplitConfig())
    assert np.array_equal(found.train, expected[0])
    assert np.array_equal(found.test, expected[1])


@given(st.integers(20, 300), st.floats(0.2, 0.8), st.integers(0, 9))
def test_which_class_is_called_positive_does_not_change_the_cut(rows: int, share: float, seed: int) -> None:
    y = labels(rows, round(rows * share), seed)
    one, other = cut(y, SplitConfig(seed=seed)), cut(1 - y, SplitConfig(seed=seed))
    assert np.array_equal(one.test, other.test)
    assert sorted([*one.train, *one.test]) == list(range(rows))


def test_too_few_rows_of_a_class_are_told_with_their_number() -> None:
    with pytest.raises(DataError, match="50 rows, 1 of the rarest class"):
        cut(labels(50, 1), SplitConfig())
    with pytest.raises(DataError, match="3 rows, fewer than 5 folds"):
        stratified_folds(labels(50, 3), 5, 0)


@given(st.integers(60, 500), st.floats(0.05, 0.95), st.integers(0, 9))
def test_subsamples_are_nested_stratified_and_of_the_wanted_size(rows: int, share: float, seed: int) -> None:
    y = labels(rows, min(max(round(rows * share), 1), rows - 1), seed)
    sizes = [rows // 4, rows // 2, rows]
    samples = nested_subsamples(y, sizes, seed)
    for size, sample in zip(sizes, samples, strict=True):
        assert len(set(sample)) == len(sample) == size
        assert abs(y[sample].sum() - size * y.mean()) <= 1
    assert set(samples[0]) <= set(samples[1]) <= set(samples[2])
