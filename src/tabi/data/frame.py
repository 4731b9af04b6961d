"""The canonical frame: what a pipeline is fitted on.

Law: for any rows of JSON scalars, `tensors_of(canonical_frame(rows, contract), contract)` equals what
`RowReader(contract)` reads from the same rows, so training and serving see the same row.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from tabi.contract import MISSING_TEXT, Contract, NumericColumn, Tensors, category_of, number_of
from tabi.data.cells import cells_of
from tabi.errors import DataError


def canonical_frame(raw: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """The contract's columns in its order: numeric float64, categorical `str` objects, NaN where missing.

    A column that `raw` does not have is missing in every row; what is not a finite number is missing in a numeric
    column. The index of the result counts from 0.
    """
    columns: dict[str, npt.NDArray[np.float64] | npt.NDArray[np.object_]] = {}
    for column in contract.columns:
        series = raw[column.name] if column.name in raw.columns else pd.Series(np.full(len(raw), np.nan))
        numeric = isinstance(column, NumericColumn)
        columns[column.name] = finite_numbers(series) if numeric else _with_nan(texts(series))
    return pd.DataFrame(columns, index=pd.RangeIndex(len(raw)))


def tensors_of(frame: pd.DataFrame, contract: Contract) -> Tensors:
    """The graph's two inputs for the rows of a canonical frame. Law: `frame_of(tensors_of(f, c), c)` equals f."""
    numeric = frame[[c.name for c in contract.numeric]].to_numpy(dtype=np.float64)
    categorical = frame[[c.name for c in contract.categorical]].to_numpy(dtype=np.object_)
    return Tensors(numeric, np.where(pd.isna(categorical), MISSING_TEXT, categorical).astype(np.object_))


def frame_of(tensors: Tensors, contract: Contract) -> pd.DataFrame:
    """The canonical frame of the rows that `tensors` hold."""
    numeric = dict(zip((c.name for c in contract.numeric), tensors.numeric.T, strict=True))
    texts_by_name = zip((c.name for c in contract.categorical), tensors.categorical.T, strict=True)
    columns = {**numeric, **{name: _with_nan(values.tolist()) for name, values in texts_by_name}}
    ordered = {c.name: columns[c.name] for c in contract.columns}
    return pd.DataFrame(ordered, index=pd.RangeIndex(len(tensors.numeric)))


def encode_target(raw: pd.DataFrame, contract: Contract) -> npt.NDArray[np.int8]:
    """int8[N], 1 where the row is of the positive class. `DataError` if a row has no class, or another one."""
    target = contract.target
    if target.name not in raw.columns:
        raise DataError(f"the rows have no target column {target.name!r}")
    labels = texts(raw[target.name])
    missing = labels.count(MISSING_TEXT)
    if missing:
        raise DataError(f"{missing} rows have no value in the target {target.name!r}: label or remove them")
    other = sum(label not in target.classes for label in labels)
    if other:
        raise DataError(f"{other} rows have a class in {target.name!r} that the contract does not know: fetch again")
    return np.array([label == target.positive for label in labels], dtype=np.int8)


def finite_numbers(series: pd.Series) -> npt.NDArray[np.float64]:
    """float64[N] by the contract's law of numbers: NaN for what is missing, not a number or infinite."""
    if isinstance(series.dtype, np.dtype) and series.dtype.kind in "biuf":
        values = series.to_numpy(dtype=np.float64)
        return np.where(np.isfinite(values), values, np.nan)
    return np.array([number_of(cell)[0] for cell in cells_of(series)], dtype=np.float64)


def texts(series: pd.Series) -> list[str]:
    """The categories of a column by the contract's law, `MISSING_TEXT` where missing."""
    return [category_of(cell) for cell in cells_of(series)]


def _with_nan(values: list[str]) -> npt.NDArray[np.object_]:
    result = np.empty(len(values), dtype=np.object_)
    result[:] = [value or np.nan for value in values]
    return result
