"""Classifiers that stand alone."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from sklearn import linear_model, naive_bayes, svm
from sklearn.calibration import CalibratedClassifierCV
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.dummy import DummyClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, ExtraTreeClassifier

from tests.compile.cases.spec import Spec
from tests.compile.cases.transformers import KERNELS, SEEDED, always, both, choice


def scaled(estimator: Any) -> Any:
    return make_pipeline(StandardScaler(), estimator)


def calibrated(estimator: Any) -> Any:
    """For what gives only a decision: this is how its probabilities are made."""
    return CalibratedClassifierCV(scaled(estimator), cv=2, ensemble=False)


STRENGTH = choice(0.01, 1.0, 50.0)
LINEAR = (
    Spec(linear_model.LogisticRegression, {"C": STRENGTH, "fit_intercept": both}, classes=(2, 3), use=scaled),
    Spec(
        linear_model.LogisticRegressionCV,
        {"Cs": always(2), "cv": always(2), "l1_ratios": always((0.0,)), "use_legacy_attributes": always(False)},
        classes=(2, 3),
        use=scaled,
    ),
    Spec(linear_model.SGDClassifier, {"loss": always("log_loss"), **SEEDED}, classes=(2, 3), use=scaled),
    Spec(linear_model.SGDClassifier, {"loss": always("modified_huber"), **SEEDED}, use=scaled, note="modified_huber"),
    Spec(
        linear_model.SGDClassifier, {"loss": choice("hinge", "squared_hinge"), **SEEDED}, use=calibrated, note="hinge"
    ),
    Spec(linear_model.RidgeClassifier, {"alpha": STRENGTH}, classes=(2, 3), use=calibrated),
    Spec(linear_model.RidgeClassifierCV, classes=(2, 3), use=calibrated),
    Spec(linear_model.Perceptron, SEEDED, classes=(2, 3), use=calibrated),
    Spec(linear_model.PassiveAggressiveClassifier, SEEDED, use=calibrated),
    Spec(svm.LinearSVC, {"C": STRENGTH}, classes=(2, 3), use=calibrated),
    Spec(
        svm.SVC,
        {"C": STRENGTH, "kernel": choice("linear", "poly", "rbf", "sigmoid")},
        "even",
        use=calibrated,
        extreme=False,
    ),
    Spec(svm.NuSVC, {"nu": choice(0.5, 0.8), "kernel": choice("linear", "rbf")}, "even", use=calibrated, extreme=False),
)

BAYES = (
    Spec(naive_bayes.GaussianNB, {"var_smoothing": choice(1e-9, 1e-3)}, "even", (2, 3), extreme=False),
    Spec(naive_bayes.BernoulliNB, {"alpha": STRENGTH, "binarize": choice(0.0, 0.5), "fit_prior": both}, "even", (2, 3)),
    Spec(naive_bayes.MultinomialNB, {"alpha": STRENGTH, "fit_prior": both}, "counts", (2, 3)),
    Spec(naive_bayes.ComplementNB, {"alpha": STRENGTH, "norm": both}, "counts", (2, 3)),
    Spec(naive_bayes.CategoricalNB, {"alpha": STRENGTH, "fit_prior": both}, "codes", (2, 3)),
)

OTHERS = (
    Spec(LinearDiscriminantAnalysis, {"solver": choice("svd", "lsqr", "eigen")}, "even", (2, 3)),
    Spec(QuadraticDiscriminantAnalysis, {"reg_param": choice(0.0, 0.3)}, "even", (2, 3), extreme=False),
    Spec(
        MLPClassifier,
        {
            "hidden_layer_sizes": choice((3,), (40, 8)),
            "activation": choice("identity", "logistic", "tanh", "relu"),
            "max_iter": always(8),
            **SEEDED,
        },
        classes=(2, 3),
        use=scaled,
    ),
    Spec(DummyClassifier, {"strategy": choice("prior", "most_frequent", "uniform")}, "mixed", (2, 3)),
    Spec(DecisionTreeClassifier, {"max_depth": choice(1, 3, None), **SEEDED}, "missing", (2, 3)),
    Spec(ExtraTreeClassifier, {"max_depth": choice(1, 3, None), **SEEDED}, "missing", (2, 3)),
)

SPECS = LINEAR + BAYES + OTHERS
__all__ = ["KERNELS", "SPECS", "calibrated", "scaled", "st"]
