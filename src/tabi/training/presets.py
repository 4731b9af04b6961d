"""Presets: how the columns are prepared, which estimator learns from them, and the candidates that its search tries.

Only plain scikit-learn classes are used, so that each can be saved without pickle. Values of a space go from the
simplest model to the largest: of two equal candidates the earlier wins.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from tabi.contract import Contract
from tabi.training.preparation import native_preparation, onehot_preparation
from tabi.training.texts import TEXT, text_preparation

Params = dict[str, Any]
Space = dict[str, list[Any]]

# names that are no estimator of their own
AUTO, OWN, STACK, VOTE = "auto", "own", "stack", "vote"
COMPOSED = (STACK, VOTE)


@dataclass(frozen=True)
class Preset:
    """One estimator with its preparation.

    `fast`, `full`: candidate values by parameter. `member`: the parameters with which it stands in a stack or vote.
    """

    prepare: Callable[[Contract], ColumnTransformer]
    estimator: Callable[[Contract], BaseEstimator]
    fast: Space
    full: Space
    member: Params = field(default_factory=dict)


def native_options(contract: Contract) -> Params:
    """Parameters of boosting over the columns of `native_preparation`."""
    first = len(contract.numeric)
    # Strong shrinkage of leaves costs a large table nothing and keeps a small one from being learnt by heart.
    # No early stopping: it would switch itself on above 10,000 rows and make the rungs of a search incomparable.
    return {
        "categorical_features": list(range(first, first + len(contract.categorical))),
        "l2_regularization": 10.0,
        "early_stopping": False,
    }


# those that predict classes; see also `tabi.training.regressors`
PRESETS: dict[str, Preset] = {
    "native": Preset(
        native_preparation,
        lambda contract: HistGradientBoostingClassifier(**native_options(contract)),
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
        member={"max_iter": 300, "max_features": 0.3, "learning_rate": 0.06},
    ),
    "onehot": Preset(
        onehot_preparation,
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
        member={"early_stopping": False, "max_iter": 300, "max_features": 0.2, "learning_rate": 0.08},
    ),
    "logistic": Preset(
        onehot_preparation,
        lambda _: LogisticRegression(max_iter=1000),
        fast={"clf__C": [0.1, 1.0]},
        full={"clf__C": [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0]},
        member={"C": 0.1},
    ),
    "forest": Preset(
        onehot_preparation,
        lambda _: RandomForestClassifier(),
        fast={"clf__n_estimators": [100], "clf__min_samples_leaf": [1, 5]},
        full={
            "clf__n_estimators": [50, 100, 200],
            "clf__min_samples_leaf": [1, 3, 10],
            "clf__max_features": ["sqrt", 0.3],
        },
        member={"n_estimators": 200, "min_samples_leaf": 3},
    ),
    "extra_trees": Preset(
        onehot_preparation,
        lambda _: ExtraTreesClassifier(),
        fast={"clf__n_estimators": [100], "clf__min_samples_leaf": [1, 5]},
        full={
            "clf__n_estimators": [50, 100, 200],
            "clf__min_samples_leaf": [1, 3, 10],
            "clf__max_features": ["sqrt", 0.3],
        },
        member={"n_estimators": 200, "min_samples_leaf": 3},
    ),
    "gradient_boosting": Preset(
        onehot_preparation,
        lambda _: GradientBoostingClassifier(subsample=0.7, max_features=0.2),
        fast={"clf__n_estimators": [50, 100], "clf__max_depth": [3], "clf__learning_rate": [0.1]},
        full={
            "clf__n_estimators": [50, 100, 150, 200],
            "clf__max_depth": [2, 3, 5],
            "clf__learning_rate": [0.05, 0.1],
        },
        member={"n_estimators": 150, "max_depth": 4, "learning_rate": 0.05},
    ),
    "mlp": Preset(
        onehot_preparation,
        lambda _: MLPClassifier(early_stopping=True, max_iter=200),
        fast={"clf__hidden_layer_sizes": [[32]], "clf__alpha": [0.1]},
        full={"clf__hidden_layer_sizes": [[16], [64], [64, 32]], "clf__alpha": [0.01, 0.3, 3.0]},
        member={"hidden_layer_sizes": [32], "alpha": 0.3},
    ),
    TEXT: Preset(
        text_preparation,
        lambda _: LogisticRegression(max_iter=1000),
        fast={"clf__C": [3.0, 30.0], "text__chars__max_features": [2000]},
        full={
            "clf__C": [1.0, 3.0, 10.0, 30.0],
            "text__chars__ngram_range": [[1, 2], [1, 3], [2, 4]],
            "text__chars__max_features": [1000, 4000, 16000],
        },
    ),
}
