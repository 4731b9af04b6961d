"""Regressors: what they predict is proved in the graph; bundles of regressors follow."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from sklearn import cross_decomposition, ensemble, linear_model, svm
from sklearn.compose import TransformedTargetRegressor
from sklearn.dummy import DummyRegressor
from sklearn.kernel_ridge import KernelRidge
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor, ExtraTreeRegressor

from tests.compile.cases.classifiers import STRENGTH, scaled
from tests.compile.cases.ensembles import FEW, HIST, native
from tests.compile.cases.spec import Options, Spec
from tests.compile.cases.transformers import SEEDED, always, both, choice

NUMBER = (0,)


def linear(cls: type, options: Options | None = None) -> Spec:
    return Spec(cls, options or {}, classes=NUMBER, use=scaled)


def ridge() -> Any:
    return make_pipeline(StandardScaler(), linear_model.Ridge())


def members() -> Any:
    return [("tree", DecisionTreeRegressor(max_depth=2, random_state=0)), ("linear", ridge())]


LINEAR = (
    linear(linear_model.LinearRegression, {"fit_intercept": both}),
    linear(linear_model.Ridge, {"alpha": STRENGTH}),
    linear(linear_model.RidgeCV),
    linear(linear_model.Lasso, {"alpha": choice(0.01, 0.3)}),
    linear(linear_model.LassoCV, {"cv": always(2)}),
    linear(linear_model.ElasticNet, {"alpha": choice(0.01, 0.3)}),
    linear(linear_model.ElasticNetCV, {"cv": always(2)}),
    linear(linear_model.Lars),
    linear(linear_model.LarsCV, {"cv": always(2)}),
    linear(linear_model.LassoLars, {"alpha": choice(0.01, 0.3)}),
    linear(linear_model.LassoLarsCV, {"cv": always(2)}),
    linear(linear_model.LassoLarsIC),
    linear(linear_model.OrthogonalMatchingPursuit, {"n_nonzero_coefs": choice(1, 2)}),
    linear(linear_model.OrthogonalMatchingPursuitCV, {"cv": always(2)}),
    linear(linear_model.BayesianRidge),
    linear(linear_model.ARDRegression),
    linear(linear_model.HuberRegressor),
    linear(linear_model.TheilSenRegressor, {"max_subpopulation": always(50), **SEEDED}),
    linear(linear_model.RANSACRegressor, SEEDED),
    linear(linear_model.SGDRegressor, SEEDED),
    linear(linear_model.PassiveAggressiveRegressor, SEEDED),
    linear(linear_model.QuantileRegressor, {"quantile": choice(0.3, 0.5), "alpha": always(0.1)}),
    linear(svm.LinearSVR, {"C": STRENGTH}),
    Spec(linear_model.PoissonRegressor, {"alpha": STRENGTH}, classes=NUMBER, use=scaled, extreme=False),
    Spec(linear_model.GammaRegressor, {"alpha": STRENGTH}, classes=NUMBER, use=scaled, extreme=False),
    Spec(
        linear_model.TweedieRegressor,
        {"power": choice(0, 1.5, 3), "link": choice("auto", "log")},
        classes=NUMBER,
        use=scaled,
        extreme=False,
    ),
    Spec(cross_decomposition.PLSRegression, {"n_components": st.integers(1, 3), "scale": both}, "even", NUMBER),
    Spec(cross_decomposition.PLSCanonical, {"n_components": always(1)}, "even", NUMBER),
    Spec(cross_decomposition.CCA, {"n_components": always(1)}, "even", NUMBER),
)

OTHERS = (
    Spec(svm.SVR, {"C": STRENGTH, "kernel": choice("linear", "poly", "rbf")}, "even", NUMBER, extreme=False),
    Spec(svm.NuSVR, {"nu": choice(0.2, 0.8)}, "even", NUMBER, extreme=False),
    Spec(
        KernelRidge,
        {"alpha": choice(0.1, 10.0), "kernel": choice("linear", "poly", "rbf", "cosine")},
        "even",
        NUMBER,
        extreme=False,
    ),
    Spec(
        MLPRegressor,
        {
            "hidden_layer_sizes": choice((3,), (40, 8)),
            "activation": choice("tanh", "relu"),
            "max_iter": always(8),
            **SEEDED,
        },
        classes=NUMBER,
        use=scaled,
    ),
    Spec(DummyRegressor, {"strategy": choice("mean", "median")}, "mixed", NUMBER),
    Spec(DecisionTreeRegressor, {"max_depth": choice(1, 3, None), **SEEDED}, "missing", NUMBER),
    Spec(ExtraTreeRegressor, {"max_depth": choice(1, 3, None), **SEEDED}, "missing", NUMBER),
    Spec(ensemble.RandomForestRegressor, FEW, "missing", NUMBER),
    Spec(ensemble.ExtraTreesRegressor, FEW, "missing", NUMBER),
    Spec(
        ensemble.GradientBoostingRegressor,
        {**FEW, "loss": choice("squared_error", "absolute_error", "huber", "quantile"), "init": choice(None, "zero")},
        classes=NUMBER,
    ),
    Spec(
        ensemble.HistGradientBoostingRegressor,
        {**HIST, "loss": choice("squared_error", "absolute_error", "gamma", "poisson")},
        "mixed",
        NUMBER,
        use=native,
    ),
    Spec(
        ensemble.HistGradientBoostingRegressor,
        {**HIST, "loss": always("quantile"), "quantile": choice(0.2, 0.9)},
        "missing",
        NUMBER,
        note="quantile",
    ),
    Spec(
        ensemble.BaggingRegressor,
        {"estimator": st.builds(ridge), "n_estimators": always(3), "max_features": choice(1, 3), **SEEDED},
        classes=NUMBER,
    ),
    Spec(
        ensemble.BaggingRegressor,
        {"estimator": st.builds(DecisionTreeRegressor, max_depth=always(3)), "max_features": choice(1, 3), **SEEDED},
        "missing",
        NUMBER,
        note="trees",
    ),
    Spec(
        ensemble.VotingRegressor, {"estimators": st.builds(members), "weights": choice(None, (1, 2.5))}, classes=NUMBER
    ),
    Spec(
        ensemble.StackingRegressor,
        {"estimators": st.builds(members), "final_estimator": st.builds(ridge), "passthrough": both, "cv": always(2)},
        classes=NUMBER,
    ),
    Spec(
        TransformedTargetRegressor,
        {"regressor": st.builds(ridge), "transformer": st.none() | st.builds(StandardScaler, with_mean=both)},
        classes=NUMBER,
    ),
)

SPECS = LINEAR + OTHERS
