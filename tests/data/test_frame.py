"""The canonical frame: training and serving see the same row."""

from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabi.contract import CategoricalColumn, Contract, NumericColumn, RowReader, Scalar, Target
from tabi.data import canonical_frame, encode_target, frame_of, tensors_of
from tabi.data.stored import stored_frame
from tabi.errors import DataError

CONTRACT = Contract(
    name="people",
    columns=(
        CategoricalColumn("job", ("clerk", "cook")),
        NumericColumn("age"),
        CategoricalColumn("town", ("Nara",)),
        NumericColumn("income"),
    ),
    target=Target("left", ("no", "yes")),
)
NAMES = [column.name for column in CONTRACT.columns]

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["", "1", "1.0", "1e3", "inf", "nan", " 2 ", "1_0", "cook", "True", "a\0", "a"]),
)
batches = st.lists(st.dictionaries(st.sampled_from(NAMES), scalars), min_size=1, max_size=6)


def assert_same_tensors(frame: pd.DataFrame, rows: list[dict[str, Scalar]]) -> None:
    expected, _ = RowReader(CONTRACT).read(rows)
    found = tensors_of(canonical_frame(frame, CONTRACT), CONTRACT)
    np.testing.assert_array_equal(found.numeric, expected.numeric)
    assert found.numeric.dtype == np.float64
    assert found.categorical.tolist() == expected.categorical.tolist()
    assert found.categorical.dtype == object


@given(batches)
def test_training_and_serving_see_the_same_row(rows: list[dict[str, Scalar]]) -> None:
    assert_same_tensors(pd.DataFrame(rows, dtype=object, index=range(len(rows))), rows)


# pandas turns whole numbers beside a missing one into floats, which beyond 2^53 are others
unambiguous = scalars.filter(lambda value: not isinstance(value, int) or abs(value) <= 2**53)


@given(st.lists(st.dictionaries(st.sampled_from(NAMES), unambiguous), min_size=1, max_size=6))
def test_also_where_pandas_chooses_the_dtypes(rows: list[dict[str, Scalar]]) -> None:
    assert_same_tensors(pd.DataFrame(rows, index=range(len(rows))), rows)


cells = st.none() | st.floats() | st.integers(-(2**53), 2**53)
texts = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=4)


@given(st.lists(st.tuples(texts, cells, texts | st.booleans(), cells), min_size=1, max_size=6))
def test_storing_rows_changes_nothing_of_what_a_model_sees(table: list[tuple[Any, ...]]) -> None:
    rows = [dict(zip(NAMES, row, strict=True)) for row in table]
    assert_same_tensors(stored_frame(pd.DataFrame(rows, dtype=object)), rows)


@given(batches)
def test_tensors_and_frame_are_each_others_inverse(rows: list[dict[str, Scalar]]) -> None:
    frame = canonical_frame(pd.DataFrame(rows, dtype=object, index=range(len(rows))), CONTRACT)
    pd.testing.assert_frame_equal(frame_of(tensors_of(frame, CONTRACT), CONTRACT), frame)


def test_the_frame_has_the_contracts_columns_in_its_order_and_two_dtypes() -> None:
    raw = pd.DataFrame({"age": [1], "extra": ["x"], "job": ["cook"]}, index=[7])
    frame = canonical_frame(raw, CONTRACT)
    assert list(frame.columns) == NAMES
    assert frame.dtypes.astype(str).tolist() == ["object", "float64", "object", "float64"]
    assert list(frame.index) == [0]
    assert frame.loc[0, "job"] == "cook"
    assert isinstance(frame.loc[0, "town"], float)
    assert frame["income"].isna().all()


@pytest.mark.parametrize("dtype", ["Int64", "int64[pyarrow]", "string[python]", "category", "int8", "Float64"])
def test_every_dtype_of_pandas_is_read(dtype: Any) -> None:
    column = pd.Series(["1", "2"]) if dtype == "string[python]" else pd.Series([1, 2])
    frame = canonical_frame(pd.DataFrame({"age": column.astype(dtype), "job": column.astype(dtype)}), CONTRACT)
    assert frame["age"].tolist() == [1.0, 2.0]
    assert frame["job"].tolist() == ["1", "2"]


def test_a_contract_of_one_kind_has_an_empty_tensor_for_the_other() -> None:
    only = Contract("n", (CategoricalColumn("a", ()),), Target("y", ("0", "1")))
    tensors = tensors_of(canonical_frame(pd.DataFrame({"a": ["x", None]}), only), only)
    assert tensors.numeric.shape == (2, 0)
    assert tensors.categorical.tolist() == [["x"], [""]]
    assert frame_of(tensors, only)["a"].isna().tolist() == [False, True]


def test_one_is_the_positive_class() -> None:
    y = encode_target(pd.DataFrame({"left": pd.Categorical(["yes", "no", "yes"])}), CONTRACT)
    assert y.tolist() == [1, 0, 1]
    assert y.dtype == np.int8


def test_of_several_classes_each_has_its_place_and_a_number_is_itself() -> None:
    classes = msgspec.structs.replace(CONTRACT, target=Target("left", ("a", "b", "c"), "multiclass"))
    assert encode_target(pd.DataFrame({"left": ["c", "a", "b"]}), classes).tolist() == [2, 0, 1]
    numbers = msgspec.structs.replace(CONTRACT, target=Target("left", task="regression"))
    assert encode_target(pd.DataFrame({"left": [1, 2.5]}), numbers).tolist() == [1.0, 2.5]
    for values, told in (([1.0, None], "1 rows have no value"), ([np.inf, 1.0], "1 rows have no finite number")):
        with pytest.raises(DataError, match=told):
            encode_target(pd.DataFrame({"left": values}), numbers)


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (pd.DataFrame({"left": ["yes", None, ""]}), "2 rows have no value in the target 'left': label or remove"),
        (pd.DataFrame({"left": ["yes", "maybe"]}), "1 rows have a class in 'left' that the contract does not know"),
        (pd.DataFrame({"lef": ["yes"]}), "the rows have no target column 'left'"),
    ],
)
def test_a_target_of_no_use_is_told_by_count_and_never_by_value(raw: pd.DataFrame, told: str) -> None:
    with pytest.raises(DataError, match=told) as caught:
        encode_target(raw, CONTRACT)
    assert "maybe" not in str(caught.value)
