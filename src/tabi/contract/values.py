"""One value of a row, as the model sees it. Training and serving both go through these laws.

Missing is `None`, NaN or the empty string. A number is finite: infinity counts as missing and is reported.
A category is text; numbers and booleans in a categorical column have one text form, so that `1`, `1.0` and `"1"`
are the same category whether they came from JSON, CSV or Parquet.
"""

from __future__ import annotations

import math
from typing import Literal

Scalar = float | int | str | bool | None

Rule = Literal[
    "missing",
    "not_a_number",
    "not_finite",
    "below_minimum",
    "above_maximum",
    "unknown_category",
    "unknown_column",
    "no_probability",
    "no_value",
    "rare",
]

NAN = math.nan
# The graph's string input has no null: the empty string stands for a missing category.
MISSING_TEXT = ""


def number_of(value: Scalar) -> tuple[float, Rule | None]:
    """The number that a value stands for, NaN if it is missing, and the rule it broke on the way."""
    if value is None or value == "":
        return NAN, None
    if isinstance(value, str):
        # float() also reads "1_000" and "nan", which nobody means as a number in a table
        if "_" in value:
            return NAN, "not_a_number"
        try:
            value = float(value)
        except ValueError:
            return NAN, "not_a_number"
        if math.isnan(value):
            return NAN, "not_a_number"
    try:
        number = float(value)
    except OverflowError:
        return NAN, "not_finite"
    if math.isinf(number):
        return NAN, "not_finite"
    return number, None


def category_of(value: Scalar) -> str:
    """The text of a category, `MISSING_TEXT` if it is missing."""
    if isinstance(value, str):
        return value
    if value is None:
        return MISSING_TEXT
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if math.isnan(value):
            return MISSING_TEXT
        return str(int(value)) if value.is_integer() else repr(value)
    return str(value)
