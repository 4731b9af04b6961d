"""The form in which rows are stored, and the digest of their content.

There are two stored types. A number is float64, NaN where missing. A text is a `str`, NaN where missing; the empty
string counts as missing. Which one a column gets depends on its values, not on how pandas happened to hold them:

- Only numbers (int, float, Decimal), or no value at all: numbers. Whole numbers beyond 2^53 are rounded.
- A column that pandas holds as `category` was declared to be one: text, also where its categories are numbers.
- Anything else made of texts, booleans and numbers: text, each value by the contract's law of categories.
- Moments, nested values and bytes are refused.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from tabi.contract import MISSING_TEXT, category_of
from tabi.data.cells import Cell, cells_of, strange_type
from tabi.errors import DataError

DIGEST_FORMAT = "tabi-rows-1"


def stored_frame(raw: pd.DataFrame) -> pd.DataFrame:
    """The rows in stored form. Law: `stored_frame(stored_frame(r))` equals `stored_frame(r)`.

    Raises `DataError` for an empty table, for two columns of one name and for a column that cannot be stored.
    """
    _refuse_bad_shape(raw)
    return pd.DataFrame({name: _stored_column(str(name), raw[name]) for name in raw.columns})


def is_text(series: pd.Series) -> bool:
    """Whether a column of a stored frame holds texts (else numbers)."""
    return series.dtype == object


def digest_of(stored: pd.DataFrame) -> str:
    """SHA-256 in hex over names, types and values of a stored frame, in order; 64 characters.

    Law: the same rows give the same digest on any machine, whatever the dtypes of the raw frame were.
    Numbers are little-endian float64 with one NaN and one zero; a text is UTF-8 after its length in eight bytes,
    where length zero is a missing value.
    """
    columns = [(str(name), "text" if is_text(stored[name]) else "number") for name in stored.columns]
    header = json.dumps({"format": DIGEST_FORMAT, "rows": len(stored), "columns": columns}, sort_keys=True)
    sha = hashlib.sha256(_framed(header))
    for name, kind in columns:
        sha.update(_text_bytes(stored[name]) if kind == "text" else _number_bytes(stored[name]))
    return sha.hexdigest()


def _refuse_bad_shape(raw: pd.DataFrame) -> None:
    if raw.shape[1] == 0:
        raise DataError("the table has no columns: check the source")
    if len(raw) == 0:
        raise DataError("the table has no rows: check the source")
    unnamed = sum(not isinstance(name, str) for name in raw.columns)
    if unnamed:
        raise DataError(f"the names of {unnamed} columns are not text: rename them in the source")
    repeated = sorted(set(raw.columns[raw.columns.duplicated()]))
    if repeated:
        raise DataError(f"the table has more than one column named {repeated[0]!r}: rename or drop one in the source")


def _stored_column(name: str, series: pd.Series) -> npt.NDArray[Any]:
    if isinstance(series.dtype, np.dtype) and series.dtype.kind in "iuf":
        return _numbers(series.to_numpy(dtype=np.float64))
    cells = [None if cell == MISSING_TEXT else cell for cell in _accepted_cells(name, series)]
    kinds = set(map(type, cells)) - {type(None)}
    declared = isinstance(series.dtype, pd.CategoricalDtype)
    if not kinds or (not declared and all(issubclass(k, int | float) and not issubclass(k, bool) for k in kinds)):
        return _numbers(np.array([_float(cell) for cell in cells], dtype=np.float64))
    return _texts(name, cells)


def _accepted_cells(name: str, series: pd.Series) -> list[Cell]:
    plain = isinstance(series.dtype, pd.CategoricalDtype) or series.dtype.kind in "OUSb" or _is_number(series)
    strange = str(series.dtype) if not plain else strange_type(cells_of(series))
    if strange:
        raise DataError(
            f"column {name!r} holds values of type {strange}, which cannot be stored: turn them into numbers or text "
            "in the source, or leave the column out"
        )
    return cells_of(series)


def _is_number(series: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(series.dtype) and not pd.api.types.is_complex_dtype(series.dtype)


def _float(cell: Cell) -> float:
    if cell is None:
        return np.nan
    try:
        return float(cell)
    except OverflowError:
        return np.inf if cell > 0 else -np.inf  # type: ignore[operator]


def _numbers(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    # one NaN, one zero: the bits of either may differ by where the rows came from
    return np.where(np.isnan(values), np.nan, values) + 0.0


def _texts(name: str, cells: list[Cell]) -> npt.NDArray[np.object_]:
    texts = np.empty(len(cells), dtype=np.object_)
    texts[:] = [np.nan if cell is None else category_of(cell) for cell in cells]
    try:
        "".join(set(texts) - {np.nan}).encode()
    except UnicodeEncodeError as error:
        raise DataError(f"column {name!r} holds text that is not Unicode: mend its encoding in the source") from error
    return texts


def _number_bytes(series: pd.Series) -> bytes:
    return _numbers(series.to_numpy(dtype=np.float64)).astype("<f8").tobytes()


def _text_bytes(series: pd.Series) -> bytes:
    texts = np.where(series.isna().to_numpy(), MISSING_TEXT, series.to_numpy(dtype=object)).tolist()
    framed = {text: _framed(text) for text in set(texts)}
    return b"".join(map(framed.__getitem__, texts))


def _framed(text: str) -> bytes:
    encoded = text.encode()
    return len(encoded).to_bytes(8, "little") + encoded
