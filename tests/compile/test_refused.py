"""What has no exact form is refused by name: the step, the option and what to do."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import FeatureAgglomeration
from sklearn.compose import TransformedTargetRegressor
from sklearn.cross_decomposition import PLSRegression
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    GradientBoostingClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_extraction import FeatureHasher
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LinearRegression, LogisticRegression, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PowerTransformer,
    QuantileTransformer,
    SplineTransformer,
    StandardScaler,
)
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from tabi.compile.compiler import compile_step
from tabi.errors import CompileError
from tests.compile.cases import Table
from tests.compile.cases.spec import Kind

LINEAR = LogisticRegression()


class Fitted(BaseEstimator):  # type: ignore[misc]
    """Stands where a fit could not be made to find what is wanted: its `fit` gives the estimator as it is."""

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def fit(self, *_: Any) -> Any:
        return self.estimator


def power_of(lambdas: float, scale: float = 1.0) -> Fitted:
    """A power transformer as if its fit had found this power and this spread."""
    fitted = PowerTransformer().fit(Table("even", 3, 2, extreme=False).frame)
    fitted.lambdas_ = np.full(3, lambdas)
    fitted._scaler.scale_ = np.full(3, scale)
    return Fitted(fitted)


CASES: tuple[tuple[Any, Kind, int, str], ...] = (
    (OneHotEncoder(), "texts", 2, "handle_unknown='error'"),
    (OrdinalEncoder(), "texts", 2, "handle_unknown='error'"),
    (FunctionTransformer(np.exp), "even", 2, "func=exp"),
    (QuantileTransformer(output_distribution="normal", n_quantiles=9), "even", 2, "output_distribution='normal'"),
    (SplineTransformer(extrapolation="linear"), "even", 2, "extrapolation='linear'"),
    (SplineTransformer(extrapolation="periodic"), "even", 2, "extrapolation='periodic'"),
    (power_of(0.0), "even", 2, "a logarithm"),
    (power_of(2.0), "even", 2, "a logarithm"),
    (power_of(1.0, 1e-9), "even", 2, "very small spread"),
    (TfidfTransformer(sublinear_tf=True), "counts", 2, "sublinear_tf=True"),
    (FeatureHasher(4), "texts", 2, "input_type='dict'"),
    (FeatureHasher(4, input_type="pair"), "texts", 2, "input_type='pair'"),
    (FeatureHasher(4, input_type="string", dtype=np.int8), "texts", 2, "dtype=int8"),
    (FeatureHasher(input_type="string"), "texts", 2, "n_features=1048576"),
    (FeatureHasher(4, input_type="string"), "even", 2, "columns of numbers"),
    (FeatureAgglomeration(2, pooling_func=np.max), "even", 2, "pooling_func"),
    (Nystroem("laplacian", n_components=3), "even", 2, "kernel='laplacian'"),
    (make_pipeline(FunctionTransformer(), MinMaxScaler((1e9, 1e9 + 1)), SVC()), "even", 2, "where rounding decides"),
    (SVC(), "even", 3, "3 classes"),
    (SGDClassifier(loss="modified_huber"), "even", 3, "modified_huber"),
    (VotingClassifier([("a", LINEAR)]), "even", 2, "voting='hard'"),
    (
        VotingClassifier([("a", make_pipeline(StandardScaler(), SVC(probability=False)))], voting="hard"),
        "even",
        2,
        "hard",
    ),
    (StackingClassifier([("a", LINEAR)], stack_method="predict", cv=2), "even", 2, "stack_method='predict'"),
    (AdaBoostClassifier(LINEAR, n_estimators=2), "even", 2, "members of LogisticRegression"),
    (GradientBoostingClassifier(init=LINEAR, n_estimators=2), "even", 2, "init=LogisticRegression"),
    (BaggingClassifier(SVC(), n_estimators=2), "even", 2, "no probabilities"),
    (CalibratedClassifierCV(LINEAR, method="temperature", cv=2), "even", 2, "method='temperature'"),
    (DummyClassifier(strategy="stratified"), "even", 2, "strategy='stratified'"),
    (GridSearchCV(LINEAR, {"C": [1.0, 2.0]}, cv=2, refit=False), "even", 2, "refit=False"),
    (TransformedTargetRegressor(LinearRegression(), transformer=MinMaxScaler()), "even", 0, "transformer=MinMaxScaler"),
    (TransformedTargetRegressor(LinearRegression(), func=np.log, inverse_func=np.exp), "even", 0, "has no exact"),
    (MinMaxScaler(), "texts", 2, "categorical columns"),
)


@pytest.mark.parametrize(("step", "kind", "classes", "says"), CASES, ids=lambda value: str(value)[:40])
def test_an_option_without_an_exact_form_is_refused(step: Any, kind: Kind, classes: int, says: str) -> None:
    table = Table(kind, 3, classes, extreme=False)
    frame = (
        table.frame.apply(lambda column: column.astype("category").cat.codes)
        if says == "categorical columns"
        else table.frame
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = step.fit(frame, table.y)
    with pytest.raises(CompileError, match=r"step .*has no exact ONNX form here; \w") as refused:
        compile_step(fitted, table.contract)
    assert says in str(refused.value)


def test_more_than_one_target_is_refused() -> None:
    table = Table("even", 3, 0, extreme=False)
    two = np.column_stack([table.y, -table.y])
    labels = (two > 0.5).astype(np.int64)
    for step, y in ((LinearRegression(), two), (PLSRegression(1), two), (DecisionTreeClassifier(), labels)):
        with pytest.raises(CompileError, match="more than one target"):
            compile_step(step.fit(table.frame, y), table.contract)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        several = MLPClassifier((3,), max_iter=2).fit(table.frame, np.column_stack([labels, labels]))
    with pytest.raises(CompileError, match="several targets"):
        compile_step(several, table.contract)


class OwnClassifier(LogisticRegression):  # type: ignore[misc]
    """A class of the user's own that inherits from one with a converter."""


class OwnTransformer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A class of the user's own."""

    def fit(self, *_: Any) -> OwnTransformer:
        return self


class DecisionWithoutProof(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Has a converter nowhere."""


@pytest.mark.parametrize("step", [OwnClassifier(), OwnTransformer(), DecisionWithoutProof()])
def test_a_class_of_the_users_own_is_refused_by_name(step: Any) -> None:
    table = Table("even", 3, 2, extreme=False)
    with pytest.raises(CompileError, match=f"{type(step).__name__} has no exact ONNX form here; .*compiler.md"):
        compile_step(step, table.contract)
