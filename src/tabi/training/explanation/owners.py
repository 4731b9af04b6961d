"""Which column of the contract each encoded column was made from.

A step that mixes columns is refused: what it gives belongs to several of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.feature_selection import SelectorMixin
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)

from tabi.errors import ExplanationError

Owners = list[int]
Rule = Callable[[Any, Owners, str], Owners]

ONE_TO_ONE = (
    Binarizer,
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    OrdinalEncoder,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)


def owners_after(step: Any, owners: Owners, path: str) -> Owners:
    """The owners of what a fitted step gives, by the owners of what it takes. `ExplanationError` where it mixes."""
    if isinstance(step, SelectorMixin):
        return _chosen(owners, step.get_support())
    rule = _RULES.get(type(step))
    if rule is not None:
        return rule(step, owners, path)
    if len(set(owners)) == 1:
        # whatever it makes of one column belongs to that column
        return [owners[0]] * len(step.get_feature_names_out())
    raise ExplanationError(
        f"step {path!r}: {type(step).__name__} mixes columns, so its columns belong to none of the contract's; "
        "leave it out or set explain: false"
    )


def _same(step: Any, owners: Owners, path: str) -> Owners:
    if isinstance(step, FunctionTransformer) and step.func is not None:
        raise ExplanationError(
            f"step {path!r}: what a function does to columns is not known; use a transformer or set explain: false"
        )
    return owners


def _pipeline(pipeline: Pipeline, owners: Owners, path: str) -> Owners:
    for name, step in pipeline.steps:
        if step is not None and step != "passthrough":
            owners = owners_after(step, owners, f"{path}/{name}")
    return owners


def _column_transformer(transformer: ColumnTransformer, owners: Owners, path: str) -> Owners:
    inputs, outputs = transformer._transformer_to_input_indices, transformer.output_indices_
    given: list[tuple[int, Owners]] = []
    for name, step, _ in transformer.transformers_:
        chosen = [owners[i] for i in inputs[name]]
        if not chosen or (isinstance(step, str) and step == "drop"):
            continue
        place = outputs[name]
        if len(set(chosen)) == 1:
            given.append((place.start, [chosen[0]] * (place.stop - place.start)))
        else:
            passed = isinstance(step, str)
            given.append((place.start, chosen if passed else owners_after(step, chosen, f"{path}/{name}")))
    return [owner for _, part in sorted(given, key=lambda item: item[0]) for owner in part]


def _feature_union(union: FeatureUnion, owners: Owners, path: str) -> Owners:
    given: Owners = []
    for name, step in union.transformer_list:
        if isinstance(step, str):
            given += owners if step == "passthrough" else []
        else:
            given += owners_after(step, owners, f"{path}/{name}")
    return given


def _imputer(imputer: SimpleImputer, owners: Owners, path: str) -> Owners:
    kept = [value is not None and value == value for value in imputer.statistics_]  # noqa: PLR0124  NaN
    result = _chosen(owners, kept)
    return result + _indicator(imputer.indicator_, owners, path) if imputer.add_indicator else result


def _indicator(indicator: MissingIndicator, owners: Owners, path: str) -> Owners:  # noqa: ARG001
    return [owners[int(i)] for i in indicator.features_]


def _one_hot(encoder: OneHotEncoder, owners: Owners, path: str) -> Owners:  # noqa: ARG001
    return _repeated(owners, encoder._n_features_outs)


def _bins(binner: KBinsDiscretizer, owners: Owners, path: str) -> Owners:  # noqa: ARG001
    return owners if binner.encode == "ordinal" else _repeated(owners, binner.n_bins_)


def _evenly(step: Any, owners: Owners, path: str) -> Owners:  # noqa: ARG001
    """Splines and target encodings give each column equally many, side by side."""
    return _repeated(owners, [len(step.get_feature_names_out()) // len(owners)] * len(owners))


def _repeated(owners: Owners, times: Sequence[int]) -> Owners:
    return [int(owner) for owner in np.repeat(owners, times)]


def _chosen(owners: Owners, kept: Sequence[bool]) -> Owners:
    return [owner for owner, keep in zip(owners, kept, strict=True) if keep]


_RULES: dict[type, Rule] = {
    **dict.fromkeys(ONE_TO_ONE, _same),
    ColumnTransformer: _column_transformer,
    FeatureUnion: _feature_union,
    KBinsDiscretizer: _bins,
    MissingIndicator: _indicator,
    OneHotEncoder: _one_hot,
    Pipeline: _pipeline,
    SimpleImputer: _imputer,
    SplineTransformer: _evenly,
    TargetEncoder: _evenly,
}
