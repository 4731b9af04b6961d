"""Pipelines taken apart: each class's score, each link, and the owner of every encoded column."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, PoissonRegressor, Ridge, SGDClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from tabi.contract import CategoricalColumn, Contract, NumericColumn, Target, Tensors
from tabi.data import frame_of
from tabi.errors import ExplanationError
from tabi.explain import Explained, Explainer
from tabi.training.explanation import anatomy_of, build, encoded_rows
from tabi.training.preparation import native_preparation, onehot_preparation

CONTRACT = Contract(
    "t",
    (
        NumericColumn("x"),
        CategoricalColumn("k", ("a", "b", "c")),
        NumericColumn("z"),
        CategoricalColumn("m", ("d", "e")),
    ),
    Target("y", ("no", "yes")),
)
ROWS = 150


def frame(seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Rows of which a tenth of the cells is missing, and a number that they lead to."""
    random = np.random.default_rng(seed)
    numeric = random.normal(size=(ROWS, 2))
    texts = np.column_stack([random.choice(["a", "b", "c"], ROWS), random.choice(["d", "e"], ROWS)]).astype(object)
    signal = numeric[:, 0] + 2 * (texts[:, 0] == "b") + random.normal(0, 0.5, ROWS)
    numeric[random.random(numeric.shape) < 0.1] = np.nan
    texts[random.random(texts.shape) < 0.1] = ""
    return frame_of(Tensors(numeric, texts), CONTRACT), signal


def explained(pipeline: Pipeline, X: pd.DataFrame, answers: np.ndarray) -> Explained:
    anatomy = anatomy_of(pipeline, CONTRACT, X)
    explainer = Explainer(anatomy.explanation, len(CONTRACT.columns))
    return explainer.explain_encoded(encoded_rows(anatomy.preparation, X), answers)


CLASSIFIERS = [
    (native_preparation, HistGradientBoostingClassifier(max_iter=4, categorical_features=[2, 3])),
    (onehot_preparation, GradientBoostingClassifier(n_estimators=4)),
    (onehot_preparation, RandomForestClassifier(5)),
    (onehot_preparation, ExtraTreesClassifier(5)),
    (onehot_preparation, DecisionTreeClassifier(max_depth=4)),
    (onehot_preparation, LogisticRegression()),
]
NAMES = [type(clf).__name__ for _, clf in CLASSIFIERS]


@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 1000))
@pytest.mark.parametrize(("prepare", "clf"), CLASSIFIERS, ids=NAMES)
def test_each_class_of_several_has_a_score_that_adds_up(prepare: Any, clf: Any, seed: int) -> None:
    X, signal = frame(seed)
    y = np.digitize(signal, np.quantile(signal, [0.3, 0.7]))
    pipeline = Pipeline([("prep", prepare(CONTRACT)), ("clf", clf)]).fit(X, y)
    answers = pipeline.predict_proba(X)
    found = explained(pipeline, X, answers)
    assert found.contributions.shape == (ROWS, 3, 4)
    if hasattr(clf, "decision_function"):
        assert found.link == "softmax"
        assert found.score == pytest.approx(pipeline.decision_function(X), abs=1e-9)
    else:
        assert found.link == "identity"
        assert found.score == pytest.approx(answers, abs=1e-12)
        # what one class gains the others lose
        assert found.contributions.sum(axis=1) == pytest.approx(0, abs=1e-12)


REGRESSORS = [
    (native_preparation, HistGradientBoostingRegressor(max_iter=4, categorical_features=[2, 3]), "identity"),
    (native_preparation, HistGradientBoostingRegressor(loss="poisson", max_iter=4), "log"),
    (native_preparation, HistGradientBoostingRegressor(loss="gamma", max_iter=4), "log"),
    (onehot_preparation, GradientBoostingRegressor(n_estimators=4), "identity"),
    (onehot_preparation, RandomForestRegressor(5), "identity"),
    (onehot_preparation, ExtraTreesRegressor(5), "identity"),
    (onehot_preparation, DecisionTreeRegressor(max_depth=3), "identity"),
    (onehot_preparation, LinearRegression(), "identity"),
    (onehot_preparation, Ridge(), "identity"),
    (onehot_preparation, PoissonRegressor(), "log"),
]


@pytest.mark.parametrize(("prepare", "regressor", "link"), REGRESSORS)
def test_values_are_explained_by_the_link_of_their_loss(prepare: Any, regressor: Any, link: str) -> None:
    X, signal = frame(1)
    y = np.exp(signal)
    pipeline = Pipeline([("prep", prepare(CONTRACT)), ("reg", regressor)]).fit(X, y)
    values = pipeline.predict(X)
    found = explained(pipeline, X, values)
    assert found.link == link
    given = np.exp(found.score[:, 0]) if link == "log" else found.score[:, 0]
    assert given == pytest.approx(values, rel=1e-9)
    with pytest.raises(ExplanationError, match="do not add up"):
        explained(pipeline, X, values + 3e-6 * np.maximum(1, np.abs(values)))


def test_class_weights_move_the_base_and_nothing_is_lost() -> None:
    X, signal = frame(2)
    y = (signal > 1.5).astype(int)
    for balanced in (None, "balanced"):
        clf = HistGradientBoostingClassifier(max_iter=5, categorical_features=[2, 3], class_weight=balanced)
        pipeline = Pipeline([("prep", native_preparation(CONTRACT)), ("clf", clf)]).fit(X, y)
        found = explained(pipeline, X, pipeline.predict_proba(X)[:, 1])
        assert found.score[:, 0] == pytest.approx(pipeline.decision_function(X), abs=1e-9)


STEPS: list[tuple[str, Any, list[int]]] = [
    ("imputer with indicator", SimpleImputer(add_indicator=True), [0, 2, 0, 2]),
    ("bins", KBinsDiscretizer(3, encode="onehot-dense", quantile_method="averaged_inverted_cdf"), [0, 0, 0, 2, 2, 2]),
    ("splines", SplineTransformer(n_knots=3, degree=1), [0, 0, 0, 2, 2, 2]),
    ("union", FeatureUnion([("a", StandardScaler()), ("b", "passthrough")]), [0, 2, 0, 2]),
    ("selection", SelectKBest(k=1), [0]),
    ("target", TargetEncoder(), [0, 2]),
    ("identity", FunctionTransformer(), [0, 2]),
    ("scaler", MinMaxScaler(), [0, 2]),
    ("ordinal", OrdinalEncoder(), [0, 2]),
    ("pipeline", Pipeline([("a", StandardScaler()), ("b", SplineTransformer(n_knots=2, degree=1))]), [0, 0, 2, 2]),
]


@pytest.mark.parametrize(("name", "step", "owners"), STEPS, ids=[name for name, _, _ in STEPS])
def test_each_encoded_column_belongs_to_the_column_it_was_made_from(name: str, step: Any, owners: list[int]) -> None:
    X, signal = frame(3)
    y = (signal > 1).astype(int)
    if name != "imputer with indicator":
        X = X.fillna({"x": 0.0, "z": 0.0})
    prep = ColumnTransformer([("part", step, ["x", "z"])])
    pipeline = Pipeline([("prep", prep), ("clf", RandomForestClassifier(3, random_state=0))]).fit(X, y)
    anatomy = anatomy_of(pipeline, CONTRACT, X)
    assert list(anatomy.explanation.owners) == owners
    # the proof of owners: a column that changes moves the encoded columns that it owns, and no other
    encoded = encoded_rows(anatomy.preparation, X)
    for column, place in (("x", 0), ("z", 2)):
        moved = encoded_rows(anatomy.preparation, X.assign(**{column: X[column].sample(frac=1, random_state=1).array}))
        changed = {owners[i] for i in np.flatnonzero((moved != encoded).any(axis=0))}
        assert changed <= {place}


def test_whatever_is_made_of_one_column_belongs_to_it() -> None:
    X, signal = frame(4)
    X = X.fillna({"x": 0.0, "z": 0.0})
    parts = [
        ("x", PolynomialFeatures(3, include_bias=False), ["x"]),
        ("m", Pipeline([("fill", SimpleImputer(strategy="most_frequent")), ("hot", OneHotEncoder())]), ["m"]),
        ("dropped", "drop", ["k"]),
        ("z", "passthrough", ["z"]),
    ]
    prep = ColumnTransformer(parts, sparse_threshold=0)
    pipeline = Pipeline([("prep", prep), ("reg", Ridge())]).fit(X, signal)
    anatomy = anatomy_of(pipeline, CONTRACT, X)
    assert anatomy.explanation.owners == (0, 0, 0, 3, 3, 2)
    assert not explained(pipeline, X, pipeline.predict(X)).contributions[:, 0, 1].any()


X5, SIGNAL5 = frame(5)
Y5 = (SIGNAL5 > 1).astype(int)
MEMBERS = [("a", RandomForestClassifier(2)), ("b", LogisticRegression())]


@pytest.mark.parametrize(
    ("clf", "reason"),
    [
        (MLPClassifier((2,), max_iter=5, early_stopping=True), "a neural network has no exact explanation"),
        (StackingClassifier(MEMBERS), "a stack has no exact explanation"),
        (VotingClassifier(MEMBERS, voting="soft"), "a vote has no exact explanation"),
        (SVC(), "this class has no exact explanation here"),
        (SGDClassifier(loss="modified_huber"), "only loss='log_loss'"),
        (CalibratedClassifierCV(LogisticRegression(), cv=2), "only one calibrated estimator of two classes"),
        (
            CalibratedClassifierCV(LogisticRegression(), method="isotonic", cv=2, ensemble=False),
            "isotonic steps have no exact explanation",
        ),
        (GradientBoostingClassifier(init=LogisticRegression(), n_estimators=2), "init=LogisticRegression"),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_what_has_no_exact_explanation_is_refused_by_name_with_advice(clf: Any, reason: str) -> None:
    pipeline = Pipeline([("prep", onehot_preparation(CONTRACT)), ("clf", clf)]).fit(X5, Y5)
    with pytest.raises(ExplanationError) as refused:
        anatomy_of(pipeline, CONTRACT, X5)
    assert str(refused.value).startswith(f"step 'clf': {type(clf).__name__}: ")
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_function_is_refused_for_nobody_knows_what_it_mixes() -> None:
    filled = X5.fillna({"x": 0.0, "z": 0.0})
    prep = ColumnTransformer([("f", FunctionTransformer(np.abs), ["x", "z"])])
    pipeline = Pipeline([("prep", prep), ("clf", DecisionTreeClassifier())]).fit(filled, Y5)
    with pytest.raises(ExplanationError, match="step 'prep/f': what a function does"):
        anatomy_of(pipeline, CONTRACT, filled)


def test_trees_that_would_take_too_long_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = Pipeline([("prep", onehot_preparation(CONTRACT)), ("clf", RandomForestClassifier(3))]).fit(X5, Y5)
    monkeypatch.setattr(build, "MOST_NODES", 10)
    with pytest.raises(ExplanationError, match="at most 10 are explained: train fewer or smaller trees"):
        anatomy_of(pipeline, CONTRACT, X5)


def test_all_words_of_a_text_belong_to_its_column() -> None:
    said = np.random.default_rng(6).choice(["good day", "bad night", "good night", "bad day"], ROWS)
    texts = X5.assign(k=said)
    parts = [("words", TfidfVectorizer(), "k"), ("x", SimpleImputer(), ["x"])]
    pipeline = Pipeline([("prep", ColumnTransformer(parts, sparse_threshold=1)), ("clf", LogisticRegression())])
    pipeline.fit(texts, Y5)
    assert anatomy_of(pipeline, CONTRACT, texts).explanation.owners == (1, 1, 1, 1, 0)
    found = explained(pipeline, texts, pipeline.predict_proba(texts)[:, 1])
    assert found.contributions.mean(axis=0) == pytest.approx(0, abs=1e-12)
    assert found.contributions[:, 0, 1].any()
