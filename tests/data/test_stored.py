"""The stored form of rows, and the digest of their content."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabi.data.digest import digest_of
from tabi.data.stored import stored_frame
from tabi.errors import DataError

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
# \0 ends a string in C, and some of pandas is C
texts = st.lists(st.none() | text | st.sampled_from(["a", "a\0", "a\0b", "nan", "1"]), min_size=1, max_size=8)
numbers = st.lists(st.none() | st.floats(), min_size=1, max_size=8)
whole = st.lists(st.integers(-(2**53), 2**53), min_size=1, max_size=8)


def digest(raw: pd.DataFrame) -> str:
    return digest_of(stored_frame(raw))


def one(values: Any, dtype: Any = None) -> pd.DataFrame:
    return pd.DataFrame({"c": pd.Series(values, dtype=dtype)})


@given(texts)
def test_texts_have_one_digest_whatever_pandas_holds_them_in(values: list[str | None]) -> None:
    dtypes = (object, "string[python]", "string[pyarrow]")
    assert len({digest(one(values, dtype)) for dtype in dtypes}) == 1
    nans = [np.nan if value is None else value for value in values]
    blanks = ["" if value is None else value for value in values]
    assert digest(one(nans, object)) == digest(one(blanks, object)) == digest(one(values, object))


@given(texts)
def test_categories_have_the_digest_of_their_texts(values: list[str | None]) -> None:
    declared = pd.Categorical.from_codes(
        [-1 if v is None else i for i, v in enumerate(values)],
        categories=pd.Index([f"{v}#{i}" for i, v in enumerate(values)]),
    )
    plain = [None if v is None else f"{v}#{i}" for i, v in enumerate(values)]
    assert digest(pd.DataFrame({"c": declared})) == digest(one(plain, object))


@given(numbers)
def test_numbers_have_one_digest_whatever_pandas_holds_them_in(values: list[float | None]) -> None:
    assert digest(one(values, object)) == digest(one(values, "float64"))


@given(whole)
def test_whole_numbers_have_the_digest_of_the_same_floats(values: list[int]) -> None:
    dtypes = ("int64", "Int64", "float64", "Float64", object, "int64[pyarrow]")
    assert len({digest(one(values, dtype)) for dtype in dtypes}) == 1


def test_missing_whole_numbers_are_missing() -> None:
    values = [1, None, 3]
    dtypes = ("Int64", "float64", "Float64", object, "int64[pyarrow]")
    assert len({digest(one(values, dtype)) for dtype in dtypes}) == 1


def test_booleans_have_the_digest_of_their_texts() -> None:
    assert (
        digest(one([True, False], bool))
        == digest(one([True, False], "boolean"))
        == digest(one([True, False], object))
        == digest(one([np.True_, np.False_], object))
        == digest(one(["true", "false"], object))
    )


@pytest.mark.parametrize("values", [[None, None], [np.nan, np.nan], ["", ""], [None, ""]])
def test_a_column_without_any_value_is_one_of_numbers(values: list[Any]) -> None:
    assert digest(one(values, object)) == digest(one([np.nan, np.nan], "float64"))


@given(texts, texts)
def test_different_rows_have_different_digests(first: list[str | None], second: list[str | None]) -> None:
    same = [v or None for v in first] == [v or None for v in second]
    assert (digest(one(first, object)) == digest(one(second, object))) is same


@pytest.mark.parametrize(
    "other",
    [
        pd.DataFrame({"b": ["x", "y"], "a": [1.0, 2.0]}),
        pd.DataFrame({"a": [1.0, 2.0], "c": ["x", "y"]}),
        pd.DataFrame({"a": [2.0, 1.0], "b": ["y", "x"]}),
        pd.DataFrame({"a": ["1", "2"], "b": ["x", "y"]}),
        pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"], "d": [np.nan, np.nan]}),
        pd.DataFrame({"a": [1.0, 2.0], "b": ["xy", ""]}),
    ],
)
def test_order_names_and_types_are_part_of_the_content(other: pd.DataFrame) -> None:
    assert digest(other) != digest(pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]}))


def test_neither_the_index_nor_the_bits_of_zero_and_nan_are() -> None:
    strange_nan = np.array([0xFFF8000000000123], dtype=np.uint64).view(np.float64)[0]
    first = pd.DataFrame({"a": [0.0, np.nan]})
    assert digest(first) == digest(pd.DataFrame({"a": [-0.0, strange_nan]}, index=[7, 7]))


def test_the_digest_is_the_same_on_any_machine_and_in_any_year() -> None:
    rows = pd.DataFrame({"age": [33.0, np.nan], "job": ["köch", None], "left": [True, False]})
    assert digest(rows) == "99f24019b9fe39af9e2eee9c8001422bd09ea67ead7243a79623c7365cf2583a"


@given(texts, st.data())
def test_storing_twice_is_storing_once(values: list[str | None], data: st.DataObject) -> None:
    floats = data.draw(st.lists(st.floats(), min_size=len(values), max_size=len(values)))
    once = stored_frame(pd.DataFrame({"t": pd.Series(values, dtype=object), "n": floats}))
    pd.testing.assert_frame_equal(stored_frame(once), once)


def test_values_of_several_types_become_texts_by_the_law_of_categories() -> None:
    stored = stored_frame(one(["a", 1, 2.0, True, None, np.int64(3), Decimal("1.5")], object))
    assert stored["c"].fillna("-").tolist() == ["a", "1", "2", "true", "-", "3", "1.5"]


def test_declared_categories_stay_texts_also_where_they_are_numbers() -> None:
    assert stored_frame(one([0, 1, 0], "category"))["c"].tolist() == ["0", "1", "0"]


def test_decimals_and_numbers_too_large_are_numbers() -> None:
    stored = stored_frame(one([Decimal("1.5"), 10**400, -(10**400), None], object))
    np.testing.assert_array_equal(stored["c"], [1.5, np.inf, -np.inf, np.nan])


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (pd.to_datetime(pd.Series(["2020-01-01", None])), ["2020-01-01T00:00:00", "-"]),
        (pd.to_datetime(["2020-01-01 09:00:00.5"]).tz_localize("Asia/Tokyo"), ["2020-01-01T00:00:00.500000+00:00"]),
        (pd.Categorical(pd.to_datetime(["2020-01-01"])), ["2020-01-01T00:00:00"]),
        ([date(2020, 1, 1), None], ["2020-01-01", "-"]),
        ([datetime(2020, 1, 1, tzinfo=UTC)], ["2020-01-01T00:00:00+00:00"]),
        ([np.datetime64("2020-01-01T00:00:00.000000001", "ns"), "a"], ["2020-01-01T00:00:00.000000001", "a"]),
    ],
)
def test_dates_and_moments_are_texts_of_iso_8601(values: Any, texts: list[str]) -> None:
    stored = stored_frame(pd.DataFrame({"when": pd.Series(values, dtype=getattr(values, "dtype", object))}))
    assert stored["when"].fillna("-").tolist() == texts


@given(st.lists(st.datetimes(timezones=st.just(UTC)), min_size=1, max_size=9))
def test_the_texts_of_moments_sort_as_the_moments_do(moments: list[datetime]) -> None:
    for zone in (None, UTC):
        told = [moment.replace(tzinfo=zone) for moment in sorted(moments)]
        texts = stored_frame(pd.DataFrame({"c": pd.Series(told, dtype=object)}))["c"].tolist()
        assert texts == sorted(texts)


@pytest.mark.parametrize(
    "values",
    [
        pd.to_timedelta(["1 day"]),
        pd.period_range("2020", periods=1, freq="Y"),
        pd.Series([1j]),
        [[1, 2]],
        [{"a": 1}],
        [b"bytes"],
        [timedelta(days=1)],
        [time(12)],
        [np.timedelta64(1, "ns")],
        pd.Series([[1]], dtype=object),
    ],
    ids=lambda values: str(getattr(values, "dtype", type(values[0]))),
)
def test_what_cannot_be_stored_is_refused_by_column_with_what_to_do(values: Any) -> None:
    with pytest.raises(
        DataError, match=r"column 'when' holds values of type .* turn them into numbers or text"
    ) as caught:
        stored_frame(pd.DataFrame({"fine": [1.0], "when": values}))
    assert "2020" not in str(caught.value)


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (pd.DataFrame(), "has no columns"),
        (pd.DataFrame({"a": []}), "has no rows"),
        (pd.DataFrame({"a": [1], " ": [2]}), "column 2 of the table has no name"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "more than one column named 'a'"),
        (pd.DataFrame([[1, 2]]), "the names of 2 columns are not text"),
        (pd.DataFrame({"a": ["\ud800"]}), "column 'a' holds text that is not Unicode"),
    ],
)
def test_a_table_of_no_use_is_refused(raw: pd.DataFrame, told: str) -> None:
    with pytest.raises(DataError, match=told):
        stored_frame(raw)
