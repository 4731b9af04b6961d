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

TargetValues = npt.NDArray[np.int8] | npt.NDArray[np.int64] | npt.NDArray[np.float64]


def canonical_frame(raw: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """The contract's columns in its order: numeric float64, categorical and text `str` objects, NaN where missing.

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
    categorical = frame[[c.name for c in contract.strings]].to_numpy(dtype=np.object_)
    return Tensors(numeric, np.where(pd.isna(categorical), MISSING_TEXT, categorical).astype(np.object_))


def frame_of(tensors: Tensors, contract: Contract) -> pd.DataFrame:
    """The canonical frame of the rows that `tensors` hold."""
    numeric = dict(zip((c.name for c in contract.numeric), tensors.numeric.T, strict=True))
    texts_by_name = zip((c.name for c in contract.strings), tensors.categorical.T, strict=True)
    columns = {**numeric, **{name: _with_nan(values.tolist()) for name, values in texts_by_name}}
    ordered = {c.name: columns[c.name] for c in contract.columns}
    return pd.DataFrame(ordered, index=pd.RangeIndex(len(tensors.numeric)))


def encode_target(raw: pd.DataFrame, contract: Contract) -> TargetValues:
    """The target of each row: int8[N], 1 where it is the positive class, of a binary task; int64[N], the place of its
    class, of a multiclass one; float64[N] of a regression.

    `DataError` if a row has no value, or one that is none of the classes or no number.
    """
    target = contract.target
    if target.name not in raw.columns:
        raise DataError(f"the rows have no target column {target.name!r}")
    series = raw[target.name]
    if target.task == "regression":
        return _numbers_of_target(series)
    labels = texts(series)
    _refuse_missing(labels.count(MISSING_TEXT), target.name)
    place = {label: index for index, label in enumerate(target.classes)}
    other = sum(label not in place for label in labels)
    if other:
        raise DataError(f"{other} rows have a class in {target.name!r} that the contract does not know: fetch again")
    places = np.array([place[label] for label in labels], dtype=np.int64)
    return places.astype(np.int8) if target.task == "binary" else places


def _numbers_of_target(series: pd.Series) -> npt.NDArray[np.float64]:
    numbers = finite_numbers(series)
    _refuse_missing(sum(label == MISSING_TEXT for label in texts(series)), str(series.name))
    strange = int(np.isnan(numbers).sum())
    if strange:
        raise DataError(f"{strange} rows have no finite number in the target {series.name!r}: mend or remove them")
    return numbers


def _refuse_missing(count: int, target: str) -> None:
    if count:
        raise DataError(f"{count} rows have no value in the target {target!r}: label or remove them")


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
