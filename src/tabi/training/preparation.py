"""How the columns are prepared for an estimator: as codes, as numbers of one scale, or as both side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from tabi.contract import Contract

# HistGradientBoosting takes at most 255 categories a column; the rarer ones beyond share one code.
MAX_CATEGORIES = 250

# the names of the part of categorical columns, and of the one-hot half where there are two halves
CATEGORIES, ONEHOT = "cat", "onehot"

# a part of a ColumnTransformer: its name, its steps, its columns
Part = tuple[str, Any, list[str]]


def native_preparation(contract: Contract) -> ColumnTransformer:
    """Numbers as they are and categories as codes; missing values stay missing."""
    codes = OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=np.nan,
        encoded_missing_value=np.nan,
        max_categories=MAX_CATEGORIES,
    )
    return ColumnTransformer(_parts(contract, "passthrough", codes), verbose_feature_names_out=True)


def onehot_preparation(contract: Contract) -> ColumnTransformer:
    """Numbers imputed and scaled, categories imputed and one-hot encoded."""
    return ColumnTransformer(onehot_parts(contract), verbose_feature_names_out=True)


def onehot_parts(contract: Contract) -> list[Part]:
    """The parts of `onehot_preparation` that have columns."""
    # keep_empty_features: a column without a single value must not vanish from the graph's inputs
    numeric = Pipeline([("impute", SimpleImputer(keep_empty_features=True)), ("scale", StandardScaler())])
    return _parts(contract, numeric, onehot_categories())


def onehot_categories() -> Pipeline:
    """Categories imputed and one-hot encoded."""
    return Pipeline(
        [
            ("impute", SimpleImputer(strategy="most_frequent", keep_empty_features=True)),
            ("encode", OneHotEncoder(handle_unknown="ignore", sparse_output=False)),
        ]
    )


def both_preparations(contract: Contract) -> ColumnTransformer:
    """The native columns, one for each of the contract, and then the one-hot ones."""
    names = [column.name for column in contract.columns]
    return ColumnTransformer(
        [("native", native_preparation(contract), names), (ONEHOT, onehot_preparation(contract), names)]
    )


def native_part(contract: Contract) -> slice:
    """Where the native columns stand in what `both_preparations` gives."""
    return slice(0, len(contract.columns))


def onehot_part(contract: Contract) -> slice:
    """Where the one-hot columns stand in what `both_preparations` gives."""
    return slice(len(contract.columns), None)


def _parts(contract: Contract, numeric: Any, categorical: Any) -> list[Part]:
    """Numeric columns first, then categorical ones, each kind in the contract's order."""
    parts = [
        ("num", numeric, [c.name for c in contract.numeric]),
        (CATEGORIES, categorical, [c.name for c in contract.categorical]),
    ]
    return [part for part in parts if part[2]]
