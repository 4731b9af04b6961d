from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction import FeatureHasher
from sklearn.impute import SimpleImputer
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler, TargetEncoder

from tabi.training.codes import coded

FOLDS = StratifiedKFold(2, shuffle=True, random_state=1)
ENCODERS: dict[str, Any] = {
    "ordinal": OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=np.nan, max_categories=3
    ),
    "onehot": Pipeline(
        [
            ("impute", SimpleImputer(strategy="most_frequent", keep_empty_features=True)),
            ("encode", OneHotEncoder(handle_unknown="ignore", sparse_output=False)),
        ]
    ),
    "target": Pipeline([("encode", TargetEncoder(target_type="binary", cv=FOLDS)), ("scale", StandardScaler())]),
}
TEXTS = st.lists(st.sampled_from(["b", "a", "é", "旅", "", "B", " a", "10", "9", np.nan]), min_size=12, max_size=12)


def prepared(encoder: Any) -> ColumnTransformer:
    return ColumnTransformer([("num", "passthrough", ["x"]), ("cat", encoder, ["t", "u"])])


def frame(first: list[Any], second: list[Any]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "x": np.arange(12.0),
            "t": pd.Series(first, dtype=object),
            "u": pd.Series(second, dtype=object),
        }
    )


@pytest.mark.parametrize("name", ENCODERS)
@given(TEXTS, TEXTS)
def test_a_preparation_gives_the_same_for_codes_as_for_texts(name: str, first: list[Any], second: list[Any]) -> None:
    X, y = frame(first, second), np.array([0, 1] * 6)
    numbers = coded(X, prepared(ENCODERS[name]))
    assert all(numbers[column].dtype != object for column in numbers.columns)
    results = []
    for rows in (X, numbers):
        prep = clone(prepared(ENCODERS[name]))
        # the last rows are unseen, and may hold categories that the first do not
        results.append((prep.fit_transform(rows.iloc[:8], y[:8]), prep.transform(rows.iloc[8:])))
    for of_texts, of_numbers in zip(*results, strict=True):
        np.testing.assert_array_equal(np.asarray(of_texts, float), np.asarray(of_numbers, float))


@pytest.mark.parametrize(
    "prep",
    [
        prepared(Pipeline([("hash", FeatureHasher(4, input_type="string"))])),
        prepared(FunctionTransformer()),
        prepared(OneHotEncoder(categories=[["a"], ["b"]])),
        prepared(SimpleImputer(strategy="constant", fill_value="a")),
        prepared("passthrough"),
        ColumnTransformer([("num", "passthrough", ["x"])], remainder="passthrough"),
        None,
    ],
    ids=["hasher", "function", "given categories", "constant", "passed through", "remainder", "none"],
)
def test_texts_stay_texts_for_a_step_that_reads_them(prep: Any) -> None:
    X = frame(["a"] * 12, ["b"] * 12)
    assert coded(X, prep) is X


def test_texts_stay_texts_where_a_category_is_none_or_no_text() -> None:
    for odd in (None, 1, True):
        X = frame(["a"] * 11 + [odd], ["b"] * 12)
        assert coded(X, prepared(ENCODERS["onehot"])) is X
