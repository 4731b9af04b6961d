"""A hashed text is what scikit-learn makes of it: over every character, the rarest hash, and what shares its place."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction import FeatureHasher
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import murmurhash3_32

from tabi.bundle.session import Session
from tabi.compile.compiler import compile_step
from tabi.contract import CategoricalColumn, Contract, Target, Tensors

# its hash is the lowest 32-bit number, whose absolute value 32 bits do not hold
LOWEST = "akqlrggi"
LONG = "a" * 100_000


def hashed(texts: Any, **options: Any) -> None:
    """Compare graph and scikit-learn on rows of texts, to the last bit."""
    table = np.array(texts, dtype=object)
    columns = tuple(CategoricalColumn(f"c{i}", ()) for i in range(table.shape[1]))
    contract = Contract("case", columns, Target("y", ("no", "yes")))
    hasher = FeatureHasher(input_type="string", **options)
    step: Pipeline = make_pipeline(FunctionTransformer(), hasher).fit(table)
    given = Session(compile_step(step, contract).models["transform"]).run(Tensors(np.zeros((len(table), 0)), table))[0]
    assert given.tobytes() == hasher.transform(table).toarray().tobytes()


def test_every_character_goes_where_scikit_learn_puts_it() -> None:
    every = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    # 64 of them a row, so that few share a place and the whole table is compared at once
    hashed(np.resize(np.array(every, dtype=object), (-(-len(every) // 64), 64)), n_features=512)


def test_the_lowest_hash_goes_where_scikit_learn_puts_it() -> None:
    assert murmurhash3_32(LOWEST, seed=0) == -(2**31)
    for width in (1, 2, 3, 10, 1000, 2**14):
        hashed([[LOWEST], ["other"]], n_features=width)


def test_texts_that_are_empty_hold_nul_or_are_very_long_are_hashed_whole() -> None:
    hashed([["", "\0"], ["a\0b", "a"], [LONG, LONG + "b"], ["\0\0\0\0", "東京"]], n_features=1000)


def test_texts_of_a_row_that_share_a_place_add_up() -> None:
    hashed([["a", "a", "b"], ["a", "b", "c"], ["", "", ""]], n_features=1)
    hashed([["a", "a", "b"], ["a", "b", "c"], ["", "", ""]], n_features=2, alternate_sign=False)


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(st.lists(st.text(max_size=20), min_size=3, max_size=3), min_size=1, max_size=6),
    width=st.integers(1, 64),
    alternate_sign=st.booleans(),
)
def test_any_texts_are_hashed_as_scikit_learn_does(rows: list[list[str]], width: int, alternate_sign: bool) -> None:
    hashed(rows, n_features=width, alternate_sign=alternate_sign)
