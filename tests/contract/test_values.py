"""One value of a row: the laws of numbers and categories."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabi.contract import MISSING_TEXT, Scalar, category_of, number_of

finite = st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize("value", [None, "", math.nan])
def test_missing_is_none_nan_or_the_empty_string(value: Scalar) -> None:
    number, rule = number_of(value)
    assert math.isnan(number)
    assert rule is None
    assert category_of(value) == MISSING_TEXT


@given(finite)
def test_a_number_is_itself_whether_written_as_number_or_text(value: float) -> None:
    assert number_of(value) == (value, None)
    assert number_of(repr(value)) == (value, None)
    assert number_of(json.dumps(value)) == (value, None)


@pytest.mark.parametrize("text", ["abc", " ", "1,5", "1_000", "nan", "-NaN", "0x10", "1 2", "٣_٣"])
def test_text_that_nobody_means_as_a_number_is_missing_and_told(text: str) -> None:
    number, rule = number_of(text)
    assert math.isnan(number)
    assert rule == "not_a_number"


@pytest.mark.parametrize("value", [math.inf, -math.inf, "inf", "-Infinity", "1e999", 10**400, "9" * 400])
def test_what_is_not_finite_is_missing_and_told(value: Scalar) -> None:
    number, rule = number_of(value)
    assert math.isnan(number)
    assert rule == "not_finite"


@pytest.mark.parametrize(("value", "number"), [(True, 1.0), (False, 0.0), (3, 3.0), (" 2.5 ", 2.5), ("1e3", 1000.0)])
def test_other_ways_to_write_a_number(value: Scalar, number: float) -> None:
    assert number_of(value) == (number, None)


@given(st.integers(-(10**15), 10**15))
def test_a_whole_number_is_one_category_however_it_came(value: int) -> None:
    assert category_of(value) == category_of(float(value)) == category_of(str(value))


@given(st.text())
def test_text_is_its_own_category(text: str) -> None:
    assert category_of(text) == text


@given(finite)
def test_two_numbers_are_one_category_only_if_equal(value: float) -> None:
    assert float(category_of(value)) == value


@pytest.mark.parametrize(
    ("value", "text"), [(True, "true"), (False, "false"), (-0.0, "0"), (1.5, "1.5"), (1e20, "1" + "0" * 20)]
)
def test_the_one_text_form_of_a_category(value: Scalar, text: str) -> None:
    assert category_of(value) == text
