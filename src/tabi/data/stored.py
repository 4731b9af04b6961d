"""The form in which rows are stored.

There are two stored types. A number is float64, NaN where missing. A text is a `str`, NaN where missing; the empty
string counts as missing. Which one a column gets depends on its values, not on how pandas happened to hold them:

- Only numbers (int, float, Decimal), or no value at all: numbers. Whole numbers beyond 2^53 are rounded.
- A column that pandas holds as `category` was declared to be one: text, also where its categories are numbers.
- Dates and moments: text, as ISO 8601 writes them, in UTC where they name a zone; so their texts sort as they do.
- Anything else made of texts, booleans and numbers: text, each value by the contract's law of categories.
- Durations, nested values and bytes are refused.

Rows that come in batches are stored in the same form as if they had come at once: `part_of` keeps of each batch what
is needed to make either type of it later, when all batches were seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from tabi.contract import MISSING_TEXT, category_of
from tabi.data.cells import Cell, cells_of, strange_type
from tabi.errors import DataError

NO_ROWS = "the table has no rows: check the source"
# whole numbers up to here have one float64 each
EXACT = 2**53


class Form(IntEnum):
    """What the values of a column are so far; a later batch may raise it, and never lowers it.

    `number`: float64 says all of them. `wide`: numbers of which float64 would lose digits that a text keeps; each is
    held as its text. `text`: texts, for good.
    """

    number = 0
    wide = 1
    text = 2


class Part(NamedTuple):
    """A column of one batch: float64 for `number`, else texts, NaN where missing."""

    form: Form
    values: npt.NDArray[Any]


def stored_frame(raw: pd.DataFrame) -> pd.DataFrame:
    """The rows in stored form. Law: `stored_frame(stored_frame(r))` equals `stored_frame(r)`.

    Raises `DataError` for an empty table, for two columns of one name and for a column that cannot be stored.
    """
    refuse_bad_names(list(raw.columns))
    if len(raw) == 0:
        raise DataError(NO_ROWS)
    return pd.DataFrame({name: _stored_column(str(name), raw[name]) for name in raw.columns})


def is_text(series: pd.Series) -> bool:
    """Whether a column of a stored frame holds texts (else numbers)."""
    return series.dtype == object


def part_of(name: str, series: pd.Series) -> Part:
    """A column of one batch. Law: `in_form` of the parts, joined, is the stored column of the joined batches."""
    values = _stored_column(name, series)
    if values.dtype == object:
        return Part(Form.text, values)
    if _is_wide(series, values):
        return Part(Form.wide, _texts(name, _present(cells_of(series))))
    return Part(Form.number, values)


def in_form(part: Part, form: Form) -> npt.NDArray[Any]:
    """The part's values in the form that its column turned out to have, or in `number` where they are numbers."""
    if part.form is form or (part.form is not Form.number and form is not Form.number):
        return part.values
    if form is Form.number:
        return canonical_numbers(np.array([np.nan if _is_nan(v) else float(v) for v in part.values], dtype=np.float64))
    distinct, places = np.unique(part.values, return_inverse=True)
    texts = np.empty(len(distinct), dtype=np.object_)
    texts[:] = [category_of(number) or np.nan for number in distinct.tolist()]
    return texts[places]


def refuse_bad_names(names: Sequence[object]) -> None:
    """`DataError` for a table without columns, or with a column whose name is no text, empty or another's."""
    if not len(names):
        raise DataError("the table has no columns: check the source")
    unnamed = sum(not isinstance(name, str) for name in names)
    if unnamed:
        raise DataError(f"the names of {unnamed} columns are not text: rename them in the source")
    empty = [place for place, name in enumerate(names, 1) if not str(name).strip()]
    if empty:
        raise DataError(
            f"column {empty[0]} of the table has no name: name it in the source, or leave it out "
            "(pandas writes its index so, unless index=False)"
        )
    repeated = sorted({str(name) for name in names if list(names).count(name) > 1})
    if repeated:
        raise DataError(f"the table has more than one column named {repeated[0]!r}: rename or drop one in the source")


def _stored_column(name: str, series: pd.Series) -> npt.NDArray[Any]:
    if isinstance(series.dtype, np.dtype) and series.dtype.kind in "iuf":
        return canonical_numbers(series.to_numpy(dtype=np.float64))
    cells = _present(_accepted_cells(name, series))
    kinds = set(map(type, cells)) - {type(None)}
    declared = isinstance(series.dtype, pd.CategoricalDtype)
    if not kinds or (not declared and all(issubclass(k, int | float) and not issubclass(k, bool) for k in kinds)):
        return canonical_numbers(np.array([_float(cell) for cell in cells], dtype=np.float64))
    return _texts(name, cells)


def _accepted_cells(name: str, series: pd.Series) -> list[Cell]:
    cells = cells_of(series)
    if any(isinstance(cell, date) for cell in cells):
        cells = [_iso(cell) if isinstance(cell, date) else cell for cell in cells]
    # pandas calls a boolean, a complex number and a period numbers too
    plain = isinstance(series.dtype, pd.CategoricalDtype) or series.dtype.kind in "OUSbM" or _is_number(series)
    strange = strange_type(cells) if plain else str(series.dtype)
    if strange:
        raise DataError(
            f"column {name!r} holds values of type {strange}, which cannot be stored: turn them into numbers or text "
            "in the source, or leave the column out"
        )
    return cells


def _present(cells: list[Cell]) -> list[Cell]:
    return [None if cell == MISSING_TEXT else cell for cell in cells]


def _iso(moment: date) -> str:
    """ISO 8601. Of a moment with a zone: in UTC, whose `+00:00` sorts before any further digit, as it must."""
    zone = getattr(moment, "tzinfo", None)
    return (moment if zone is None else moment.astimezone(UTC)).isoformat()  # type: ignore[attr-defined]


def _is_wide(series: pd.Series, numbers: npt.NDArray[np.float64]) -> bool:
    if isinstance(series.dtype, np.dtype) and series.dtype.kind == "f":
        return False
    present = np.abs(numbers[~np.isnan(numbers)])
    return bool(present.size and present.max() >= EXACT)


def _is_nan(value: object) -> bool:
    return isinstance(value, float)


def _is_number(series: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(series.dtype) and not pd.api.types.is_complex_dtype(series.dtype)


def _float(cell: Cell) -> float:
    if cell is None:
        return np.nan
    try:
        return float(cell)
    except OverflowError:
        return np.inf if cell > 0 else -np.inf  # type: ignore[operator]


def canonical_numbers(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The numbers with one NaN and one zero: the bits of either may differ by where the rows came from."""
    return np.where(np.isnan(values), np.nan, values) + 0.0


def _texts(name: str, cells: list[Cell]) -> npt.NDArray[np.object_]:
    texts = np.empty(len(cells), dtype=np.object_)
    texts[:] = [np.nan if cell is None else category_of(cell) for cell in cells]
    try:
        "".join(set(texts) - {np.nan}).encode()
    except UnicodeEncodeError as error:
        raise DataError(f"column {name!r} holds text that is not Unicode: mend its encoding in the source") from error
    return texts
