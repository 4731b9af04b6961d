"""Transformers: scalers, encoders, imputers, selectors, projections."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from sklearn import cross_decomposition, decomposition, feature_selection, preprocessing
from sklearn.cluster import FeatureAgglomeration
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomTreesEmbedding
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.feature_selection import f_classif
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.kernel_approximation import Nystroem, RBFSampler
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NeighborhoodComponentsAnalysis
from sklearn.neural_network import BernoulliRBM
from sklearn.pipeline import make_pipeline
from sklearn.random_projection import GaussianRandomProjection, SparseRandomProjection

from tests.compile.cases.spec import Spec

both = st.booleans()
one_to_three = st.integers(1, 3)


def choice(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


def always(value: Any) -> st.SearchStrategy[Any]:
    return st.just(value)


def over_scores(selector: Any) -> Any:
    """Univariate selectors and recursive ones need numbers of about one scale."""
    return make_pipeline(preprocessing.StandardScaler(), selector)


KERNELS = choice("linear", "poly", "rbf", "sigmoid", "cosine")
SEEDED = {"random_state": st.integers(0, 99)}
KEEP_MISSING = {"unknown_value": choice(np.nan, -1, 90), "handle_unknown": always("use_encoded_value")}
RARE = {"min_frequency": choice(None, 12, 0.2), "max_categories": choice(None, 2, 4)}

SCALERS = (
    Spec(preprocessing.StandardScaler, {"with_mean": both, "with_std": both}, "missing"),
    Spec(
        preprocessing.MinMaxScaler,
        {"feature_range": choice((0, 1), (-2, 3.5)), "clip": both},
        "missing",
    ),
    Spec(preprocessing.MaxAbsScaler, {"clip": both}, "missing"),
    Spec(
        preprocessing.RobustScaler,
        {
            "with_centering": both,
            "with_scaling": both,
            "quantile_range": choice((25.0, 75.0), (5.0, 60.0)),
            "unit_variance": both,
        },
        "missing",
    ),
    Spec(preprocessing.Normalizer, {"norm": choice("l1", "l2", "max")}),
    Spec(preprocessing.Binarizer, {"threshold": choice(0.0, 0.5, -1.0)}),
    Spec(
        preprocessing.PowerTransformer,
        {"standardize": both},
        "missing",
        use=lambda p: make_pipeline(preprocessing.StandardScaler(), p),
    ),
    Spec(
        preprocessing.PowerTransformer, {"standardize": both, "method": always("box-cox")}, "positive", note="box-cox"
    ),
    Spec(preprocessing.QuantileTransformer, {"n_quantiles": choice(2, 5, 30, 80)}, "missing"),
    Spec(
        preprocessing.KBinsDiscretizer,
        {
            "n_bins": st.integers(2, 6),
            "encode": choice("onehot", "onehot-dense", "ordinal"),
            "strategy": choice("uniform", "quantile", "kmeans"),
            "quantile_method": always("averaged_inverted_cdf"),
        },
    ),
    Spec(
        preprocessing.PolynomialFeatures,
        {"degree": st.integers(1, 4), "interaction_only": both, "include_bias": both},
        "even",
    ),
    Spec(
        preprocessing.SplineTransformer,
        {
            "n_knots": st.integers(3, 6),
            "degree": st.integers(1, 4),
            "knots": choice("uniform", "quantile"),
            "extrapolation": choice("constant", "continue"),
            "include_bias": both,
        },
        "even",
        extreme=False,
    ),
    Spec(preprocessing.FunctionTransformer, {}, "missing"),
    Spec(TfidfTransformer, {"norm": choice("l1", "l2", None), "use_idf": both, "smooth_idf": both}, "counts"),
)

ENCODERS = (
    Spec(
        preprocessing.OneHotEncoder,
        {
            "drop": choice(None, "first", "if_binary"),
            "handle_unknown": choice("ignore", "infrequent_if_exist", "warn"),
            "sparse_output": both,
            **RARE,
        },
        "texts",
    ),
    Spec(
        preprocessing.OneHotEncoder,
        {"handle_unknown": choice("ignore", "infrequent_if_exist"), **RARE},
        "codes",
        note="numbers",
    ),
    Spec(preprocessing.OneHotEncoder, {"handle_unknown": always("ignore")}, "mixed", note="mixed"),
    Spec(
        preprocessing.OrdinalEncoder,
        {**KEEP_MISSING, "encoded_missing_value": choice(np.nan, -7), **RARE},
        "texts",
    ),
    Spec(preprocessing.OrdinalEncoder, {**KEEP_MISSING, **RARE}, "mixed", note="mixed"),
    Spec(preprocessing.TargetEncoder, {"smooth": choice("auto", 0.0, 5.0), **SEEDED}, "texts", (2, 3, 0)),
    Spec(preprocessing.TargetEncoder, {"smooth": choice("auto", 2.0), **SEEDED}, "mixed", note="mixed"),
)

IMPUTERS = (
    Spec(
        SimpleImputer,
        {"strategy": choice("mean", "median", "most_frequent", "constant"), "add_indicator": both},
        "missing",
    ),
    Spec(
        SimpleImputer,
        {"strategy": choice("mean", "most_frequent"), "missing_values": choice(0, 1)},
        "codes",
        note="number",
    ),
    Spec(SimpleImputer, {"strategy": choice("most_frequent", "constant")}, "texts", note="texts"),
    Spec(MissingIndicator, {"features": choice("missing-only", "all"), "error_on_new": always(False)}, "missing"),
    Spec(MissingIndicator, {"features": always("all")}, "texts", note="texts"),
)

SELECTORS = (
    Spec(feature_selection.VarianceThreshold, {"threshold": choice(0.0, 0.5)}, "missing", use=over_scores),
    Spec(feature_selection.SelectKBest, {"k": st.integers(1, 3)}, use=over_scores),
    Spec(feature_selection.SelectPercentile, {"percentile": choice(34, 70, 100)}, use=over_scores),
    Spec(feature_selection.SelectFpr, {"alpha": always(0.9999)}, use=over_scores),
    Spec(feature_selection.SelectFdr, {"alpha": always(0.9999)}, use=over_scores),
    Spec(feature_selection.SelectFwe, {"alpha": always(0.9999)}, use=over_scores),
    Spec(
        feature_selection.GenericUnivariateSelect,
        {"score_func": always(f_classif), "mode": choice("k_best", "percentile"), "param": choice(1, 2)},
        use=over_scores,
    ),
    Spec(
        feature_selection.SelectFromModel,
        {"estimator": st.builds(LogisticRegression), "max_features": one_to_three, "threshold": always(-np.inf)},
        use=over_scores,
    ),
    Spec(
        feature_selection.RFE,
        {"estimator": st.builds(LogisticRegression), "n_features_to_select": choice(1, 2)},
        transformer=True,
        use=over_scores,
    ),
    Spec(
        feature_selection.RFE,
        {"estimator": st.builds(LogisticRegression), "n_features_to_select": choice(1, 2)},
        use=over_scores,
        note="predicting",
    ),
    Spec(
        feature_selection.RFECV,
        {"estimator": st.builds(LogisticRegression), "cv": always(3)},
        transformer=True,
        use=over_scores,
    ),
    Spec(
        feature_selection.SequentialFeatureSelector,
        {"estimator": st.builds(LogisticRegression), "n_features_to_select": choice(1, 2), "cv": always(2)},
        use=over_scores,
    ),
)

PROJECTIONS = (
    Spec(decomposition.PCA, {"n_components": one_to_three, "whiten": both}),
    Spec(decomposition.IncrementalPCA, {"n_components": one_to_three, "whiten": both}),
    Spec(
        decomposition.TruncatedSVD,
        {"n_components": choice(1, 2), "algorithm": choice("arpack", "randomized"), **SEEDED},
    ),
    Spec(decomposition.FactorAnalysis, {"n_components": choice(1, 2)}, "even"),
    Spec(
        decomposition.FastICA,
        {"n_components": choice(1, 2, 3), "whiten": choice("unit-variance", "arbitrary-variance"), **SEEDED},
        "even",
    ),
    Spec(decomposition.SparsePCA, {"n_components": choice(1, 2), "max_iter": always(5), **SEEDED}, "even"),
    Spec(decomposition.MiniBatchSparsePCA, {"n_components": choice(1, 2), "max_iter": always(5), **SEEDED}, "even"),
    Spec(decomposition.KernelPCA, {"n_components": choice(1, 2), "kernel": KERNELS, **SEEDED}, "even", extreme=False),
    Spec(Nystroem, {"n_components": choice(1, 3), "kernel": KERNELS, **SEEDED}, "even", extreme=False),
    Spec(
        RBFSampler, {"gamma": choice("scale", 0.1, 2.0), "n_components": choice(3, 20), **SEEDED}, "even", extreme=False
    ),
    Spec(GaussianRandomProjection, {"n_components": choice(1, 2), **SEEDED}),
    Spec(SparseRandomProjection, {"n_components": choice(1, 2), "dense_output": both, **SEEDED}),
    Spec(NeighborhoodComponentsAnalysis, {"n_components": choice(1, 2), "max_iter": always(5), **SEEDED}, "even"),
    Spec(
        LinearDiscriminantAnalysis,
        {"solver": choice("svd", "eigen")},
        "even",
        (2, 3),
        transformer=True,
        note="transforming",
    ),
    Spec(cross_decomposition.PLSSVD, {"n_components": always(1), "scale": both}, "even", (0,)),
    Spec(
        cross_decomposition.PLSRegression,
        {"n_components": one_to_three, "scale": both},
        "even",
        (0,),
        transformer=True,
        note="transforming",
    ),
    Spec(
        cross_decomposition.PLSCanonical,
        {"n_components": always(1)},
        "even",
        (0,),
        transformer=True,
        note="transforming",
    ),
    Spec(cross_decomposition.CCA, {"n_components": always(1)}, "even", (0,), transformer=True, note="transforming"),
    Spec(FeatureAgglomeration, {"n_clusters": choice(1, 2)}),
    Spec(BernoulliRBM, {"n_components": choice(1, 4), "n_iter": always(2), **SEEDED}, "even"),
    Spec(RandomTreesEmbedding, {"n_estimators": choice(1, 5), "max_depth": choice(1, 4), **SEEDED}),
    Spec(preprocessing.KernelCenterer, {}, "even", fit_rows=3),
)

SPECS = SCALERS + ENCODERS + IMPUTERS + SELECTORS + PROJECTIONS
