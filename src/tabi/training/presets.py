"""Presets: a pipeline by name, and the candidates that its search tries.

Every pipeline has two steps, `prep` and `clf`, so a parameter of the estimator reads `clf__learning_rate`. Only plain
scikit-learn classes are used: each of them can be saved without pickle and compiled.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from tabi.contract import Contract
from tabi.errors import ConfigError
from tabi.project import ProjectConfig
from tabi.project.config import Mode

Params = dict[str, Any]
Space = dict[str, list[Any]]

# HistGradientBoosting takes at most 255 categories a column; the rarer ones beyond share one code.
MAX_CATEGORIES = 250


@dataclass(frozen=True)
class Preset:
    """How to build a pipeline's two steps, and the candidates of a fast and of a full search.

    Values of a space go from the simplest model to the largest: of two equal scores the earlier candidate wins.
    """

    prepare: Callable[[Contract], ColumnTransformer]
    estimator: Callable[[Contract], BaseEstimator]
    fast: Space
    full: Space


def build_pipeline(contract: Contract, config: ProjectConfig, params: Mapping[str, Any]) -> Pipeline:
    """The unfitted pipeline of the project's preset.

    Sets, in this order: seed and class weight of the project, the project's `params`, the candidate's `params`.
    Raises `ConfigError` for an unknown preset or parameter.
    """
    preset = _preset(config)
    clf = preset.estimator(contract)
    clf.set_params(random_state=config.seed)
    if config.class_weight.name != "none":
        clf.set_params(class_weight=config.class_weight.name)
    pipeline = Pipeline([("prep", preset.prepare(contract)), ("clf", clf)])
    values = {**_prefixed(config.params), **params}
    _refuse_unknown(values, pipeline)
    return pipeline.set_params(**values)


def candidate_space(config: ProjectConfig) -> Space:
    """Candidate values by parameter, such as `clf__learning_rate`: the project's own space, else the preset's.

    A parameter that the project's `params` fix is no longer searched. Raises `ConfigError` where a value list is
    empty or a parameter belongs to the preprocessing, which all candidates share.
    """
    if config.search.space:
        space = _prefixed(config.search.space)
        for name, values in space.items():
            if not name.startswith("clf__"):
                raise ConfigError(f"search.space.{name}: only parameters of the estimator can be searched")
            if not isinstance(values, list) or not values:
                raise ConfigError(f"search.space.{name}: give a list of at least one value")
        return space
    preset = _preset(config)
    space = preset.fast if config.search.mode is Mode.fast else preset.full
    fixed = _prefixed(config.params)
    return {name: values for name, values in space.items() if name not in fixed}


def _preset(config: ProjectConfig) -> Preset:
    if config.preset not in PRESETS:
        close = difflib.get_close_matches(config.preset, PRESETS, 1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(PRESETS)}"
        raise ConfigError(f"unknown preset {config.preset!r}; {hint}")
    return PRESETS[config.preset]


def _prefixed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Names as a pipeline knows them: a bare name is a parameter of the estimator."""
    return {name if "__" in name else f"clf__{name}": value for name, value in values.items()}


def _refuse_unknown(values: Mapping[str, Any], pipeline: Pipeline) -> None:
    known = pipeline.get_params()
    for name in values:
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise ConfigError(f"the pipeline has no parameter {name!r}{hint}")


def _native_preparation(contract: Contract) -> ColumnTransformer:
    codes = OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=np.nan,
        encoded_missing_value=np.nan,
        max_categories=MAX_CATEGORIES,
    )
    return _by_kind(contract, "passthrough", codes)


def _onehot_preparation(contract: Contract) -> ColumnTransformer:
    # keep_empty_features: a column without a single value must not vanish from the graph's inputs
    numeric = Pipeline([("impute", SimpleImputer(keep_empty_features=True)), ("scale", StandardScaler())])
    categorical = Pipeline(
        [
            ("impute", SimpleImputer(strategy="most_frequent", keep_empty_features=True)),
            ("encode", OneHotEncoder(handle_unknown="ignore", sparse_output=False)),
        ]
    )
    return _by_kind(contract, numeric, categorical)


def _by_kind(contract: Contract, numeric: Any, categorical: Any) -> ColumnTransformer:
    """Numeric columns first, then categorical ones, each kind in the contract's order."""
    parts = [
        ("num", numeric, [c.name for c in contract.numeric]),
        ("cat", categorical, [c.name for c in contract.categorical]),
    ]
    return ColumnTransformer([part for part in parts if part[2]], verbose_feature_names_out=True)


def _native_estimator(contract: Contract) -> BaseEstimator:
    first = len(contract.numeric)
    # Strong shrinkage of leaves costs a large table nothing and keeps a small one from being learnt by heart.
    # No early stopping: it would switch itself on above 10,000 rows and make the rungs of a search incomparable.
    return HistGradientBoostingClassifier(
        categorical_features=list(range(first, first + len(contract.categorical))),
        l2_regularization=10.0,
        early_stopping=False,
    )


PRESETS: dict[str, Preset] = {
    "native": Preset(
        _native_preparation,
        _native_estimator,
        fast={
            "clf__max_iter": [50, 100],
            "clf__max_features": [0.3, 1.0],
            "clf__learning_rate": [0.1],
        },
        full={
            # one fit of 150 trees scores all nine
            "clf__max_iter": [20, 30, 45, 60, 75, 90, 110, 130, 150],
            "clf__max_features": [0.3, 0.6, 1.0],
            "clf__learning_rate": [0.1],
        },
    ),
    "onehot": Preset(
        _onehot_preparation,
        lambda _: HistGradientBoostingClassifier(),
        fast={
            "clf__max_depth": [4, 8],
            "clf__max_leaf_nodes": [31],
            "clf__learning_rate": [0.1, 0.2],
        },
        full={
            "clf__max_depth": [4, 8, None],
            "clf__max_leaf_nodes": [31, 63, 127],
            "clf__learning_rate": [0.05, 0.1, 0.2],
        },
    ),
    "logistic": Preset(
        _onehot_preparation,
        lambda _: LogisticRegression(max_iter=1000),
        fast={"clf__C": [0.1, 1.0]},
        full={"clf__C": [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0]},
    ),
    "forest": Preset(
        _onehot_preparation,
        lambda _: RandomForestClassifier(),
        fast={"clf__n_estimators": [100], "clf__min_samples_leaf": [1, 5]},
        full={
            "clf__n_estimators": [100, 200],
            "clf__min_samples_leaf": [1, 3, 10],
            "clf__max_features": ["sqrt", 0.5],
        },
    ),
}
