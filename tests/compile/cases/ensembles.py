"""Forests, boosting and what is made of several estimators."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from sklearn import ensemble
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OrdinalEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from tests.compile.cases.spec import Spec
from tests.compile.cases.transformers import SEEDED, always, both, choice

FEW = {"n_estimators": choice(1, 6), "max_depth": choice(1, 3), **SEEDED}
HIST = {"max_iter": st.integers(1, 6), "min_samples_leaf": choice(3, 8), "learning_rate": choice(0.1, 1.0), **SEEDED}


def native(estimator: Any) -> Pipeline:
    """Categories coded and given as such, numbers with gaps beside them."""
    coder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=np.nan)
    texts = make_column_selector(dtype_include=object)
    prep = make_column_transformer((coder, texts), remainder="passthrough")
    return make_pipeline(prep, estimator.set_params(categorical_features=[0, 1]))


def tree() -> DecisionTreeClassifier:
    return DecisionTreeClassifier(max_depth=2, random_state=0)


def logistic() -> Pipeline:
    return make_pipeline(StandardScaler(), LogisticRegression())


MEMBERS = {
    "estimators": st.builds(
        lambda: [("tree", tree()), ("linear", logistic()), ("bayes", make_pipeline(StandardScaler(), GaussianNB()))]
    )
}

TREES = (
    Spec(ensemble.RandomForestClassifier, FEW, "missing", (2, 3)),
    Spec(ensemble.ExtraTreesClassifier, FEW, "missing", (2, 3)),
    Spec(
        ensemble.GradientBoostingClassifier,
        {**FEW, "learning_rate": choice(0.1, 1.0), "subsample": choice(0.6, 1.0), "init": choice(None, "zero")},
        classes=(2, 3),
    ),
    Spec(ensemble.GradientBoostingClassifier, {**FEW, "loss": always("exponential")}, note="exponential"),
    Spec(
        ensemble.AdaBoostClassifier,
        {"n_estimators": choice(1, 6), "estimator": st.builds(tree), **SEEDED},
        classes=(2, 3),
    ),
    Spec(
        ensemble.HistGradientBoostingClassifier, {**HIST, "max_leaf_nodes": choice(2, 31)}, "mixed", (2, 3), use=native
    ),
    Spec(
        ensemble.HistGradientBoostingClassifier,
        {
            **HIST,
            "monotonic_cst": choice(None, [1, 0, -1]),
            "interaction_cst": choice(None, "no_interactions", [{0, 1}]),
            "early_stopping": both,
            "max_features": choice(0.5, 1.0),
            "class_weight": choice(None, "balanced"),
        },
        "missing",
        note="constrained",
    ),
)

COMPOSED = (
    Spec(
        ensemble.BaggingClassifier,
        {
            "estimator": st.builds(tree),
            "n_estimators": choice(1, 4),
            "max_features": choice(1, 2, 3),
            "bootstrap_features": both,
            **SEEDED,
        },
        "missing",
        (2, 3),
    ),
    Spec(
        ensemble.BaggingClassifier,
        {"estimator": st.builds(logistic), "n_estimators": always(3), **SEEDED},
        note="linear",
    ),
    Spec(
        ensemble.VotingClassifier,
        {**MEMBERS, "voting": always("soft"), "weights": choice(None, (1, 2.5, 0))},
        classes=(2, 3),
        extreme=False,
    ),
    Spec(
        ensemble.StackingClassifier,
        {**MEMBERS, "final_estimator": st.builds(logistic), "passthrough": both, "cv": always(2)},
        classes=(2, 3),
        extreme=False,
    ),
    Spec(
        CalibratedClassifierCV,
        {
            "estimator": st.builds(logistic)
            | st.builds(tree)
            | st.builds(lambda: make_pipeline(StandardScaler(), SVC())),
            "method": choice("sigmoid", "isotonic"),
            "ensemble": both,
            "cv": always(2),
        },
        extreme=False,
    ),
    Spec(
        CalibratedClassifierCV,
        {"estimator": st.builds(logistic), "method": choice("sigmoid", "isotonic"), "cv": always(2)},
        classes=(3,),
        note="three",
    ),
    Spec(
        OneVsRestClassifier,
        {"estimator": st.builds(logistic) | st.builds(HistGradientBoostingClassifier, max_iter=always(3))},
        classes=(2, 3),
    ),
)

SPECS = TREES + COMPOSED
