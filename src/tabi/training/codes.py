"""Categories as numbers of the same order, for preparations that ask no more of a category than its order.

Sorting and comparing Python strings takes most of a fold's preparation; of numbers it takes almost nothing. What comes
out of the preparation is equal to the last digit, and the search alone uses it: a released pipeline is fitted on texts.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler, TargetEncoder

# whole numbers beyond are not exact in float32
_MOST = 1 << 24
_ENCODERS = (OrdinalEncoder, OneHotEncoder, TargetEncoder)


def coded(X: pd.DataFrame, prep: Any) -> pd.DataFrame:
    """`X` with its text columns as numbers, NaN where they are missing; `X` itself where `prep` reads the texts."""
    texts = [name for name in X.columns if X[name].dtype == object]
    if len(X) > _MOST or not _asks_for_order(prep, texts):
        return X
    if any(pd.api.types.infer_dtype(X[name], skipna=True) != "string" or _has_none(X[name]) for name in texts):
        return X
    return X.assign(**{name: _codes(X[name]) for name in texts})


def _codes(texts: pd.Series[Any]) -> Any:
    numbers, _ = pd.factorize(texts, sort=True)
    # not float64, by which numeric columns are known; it is exact up to `_MOST`
    return np.where(numbers < 0, np.nan, numbers).astype(np.float32)


def _has_none(texts: pd.Series[Any]) -> bool:
    """None is a category of its own to an encoder, and NaN is not."""
    return any(text is None for text in texts[texts.isna()])


def _asks_for_order(step: Any, texts: list[str]) -> bool:
    """Whether the step gives the same for the columns `texts` and for numbers of the same order."""
    if type(step) is ColumnTransformer:
        parts = [_part_asks_for_order(part, columns, texts) for _, part, columns in step.transformers]
        return step.remainder == "drop" and all(parts)
    if type(step) is Pipeline:
        return all(_asks_for_order(part, texts) for _, part in step.steps)
    if type(step) in _ENCODERS:
        return isinstance(step.categories, str) and step.categories == "auto"
    if type(step) is SimpleImputer:
        return step.strategy != "constant" and isinstance(step.missing_values, float)
    return type(step) is StandardScaler


def _part_asks_for_order(part: Any, columns: Any, texts: list[str]) -> bool:
    if isinstance(part, str):
        return part == "passthrough" and isinstance(columns, list) and not set(columns) & set(texts)
    return _asks_for_order(part, texts)
