"""Steps that hold steps, and estimators that answer with one inner estimator."""

from __future__ import annotations

from typing import Any

import numpy as np
import sklearn.experimental.enable_halving_search_cv  # noqa: F401
from hypothesis import strategies as st
from sklearn import model_selection
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, PolynomialFeatures, StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier

from tests.compile.cases.ensembles import logistic, tree
from tests.compile.cases.spec import Spec
from tests.compile.cases.transformers import always, choice

DEPTHS = {"max_depth": [1, 3]}
SEARCH = {"estimator": st.builds(tree), "cv": always(2)}


def prep() -> list[Any]:
    numbers = Pipeline([("impute", SimpleImputer()), ("scale", StandardScaler())])
    return [
        ("num", numbers, make_column_selector(dtype_include=np.float64)),
        ("cat", OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_include=object)),
    ]


UNION = [("scaled", MinMaxScaler()), ("projected", PCA(1)), ("raised", PolynomialFeatures(2)), ("same", "passthrough")]

SPECS = (
    Spec(
        Pipeline,
        {"steps": st.builds(lambda: [("scale", MinMaxScaler()), ("none", "passthrough"), ("clf", logistic())])},
    ),
    Spec(ColumnTransformer, {"transformers": st.builds(prep), "sparse_threshold": choice(0.0, 1.0)}, "mixed"),
    Spec(
        ColumnTransformer,
        {
            "transformers": st.just([("second", StandardScaler(), ["n2"]), ("gone", "drop", ["n0"])]),
            "remainder": always("passthrough"),
        },
        "missing",
        note="remainder",
    ),
    Spec(
        FeatureUnion,
        {"transformer_list": always(UNION), "transformer_weights": choice(None, {"scaled": 0.3, "raised": 2})},
        "even",
    ),
    Spec(model_selection.GridSearchCV, {**SEARCH, "param_grid": always(DEPTHS)}),
    Spec(model_selection.RandomizedSearchCV, {**SEARCH, "param_distributions": always(DEPTHS), "n_iter": always(2)}),
    Spec(model_selection.HalvingGridSearchCV, {**SEARCH, "param_grid": always(DEPTHS)}),
    Spec(model_selection.HalvingRandomSearchCV, {**SEARCH, "param_distributions": always(DEPTHS)}),
    Spec(model_selection.TunedThresholdClassifierCV, {"estimator": st.builds(logistic), "cv": always(2)}),
    Spec(model_selection.FixedThresholdClassifier, {"estimator": st.builds(logistic), "threshold": choice(0.2, 0.8)}),
    Spec(SelfTrainingClassifier, {"estimator": st.builds(logistic)}),
    Spec(FrozenEstimator, {"estimator": st.builds(lambda: StandardScaler().fit(np.arange(12.0).reshape(4, 3)))}),
)
