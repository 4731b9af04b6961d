"""Whole pipelines to one probability: draw data and parameters, fit, compile, compare with scikit-learn.

Each class by itself is tried in test_proved.py.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from tabi.bundle.session import Session
from tabi.compile import compile_pipeline
from tabi.contract import Contract, Target
from tests.compile.conftest import EXAMPLES, Case, assert_graph_equals_pipeline

seeds = st.integers(0, 2**31 - 1)
modest = settings(max_examples=EXAMPLES or 4, deadline=None, derandomize=not EXAMPLES)


def ordinal(**options: Any) -> OrdinalEncoder:
    return OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=np.nan, **options
    )


def native(case: Case, **options: Any) -> Pipeline:
    prep = ColumnTransformer([("cat", ordinal(), case.categorical), ("num", "passthrough", case.numeric)])
    first = list(range(len(case.categorical)))
    clf = HistGradientBoostingClassifier(categorical_features=first, min_samples_leaf=3, **options)
    return Pipeline([("prep", prep), ("clf", clf)])


def onehot(
    case: Case, clf: Any, imputer: SimpleImputer | None = None, scaler: StandardScaler | None = None
) -> Pipeline:
    number = Pipeline([("impute", imputer or SimpleImputer()), ("scale", scaler or StandardScaler())])
    text = Pipeline(
        [
            ("impute", SimpleImputer(strategy="most_frequent")),
            ("encode", OneHotEncoder(handle_unknown="ignore", sparse_output=False)),
        ]
    )
    prep = ColumnTransformer([("num", number, case.numeric), ("cat", text, case.categorical)])
    return Pipeline([("prep", prep), ("clf", clf)])


@modest
@given(
    seed=seeds,
    learning_rate=st.sampled_from([0.05, 0.3, 1.0]),
    leaves=st.sampled_from([2, 5, 31]),
    trees=st.integers(1, 12),
)
def test_gradient_boosting_with_native_categories_and_missing_values(
    seed: int, learning_rate: float, leaves: int, trees: int
) -> None:
    # fewer rows would give categories too little support to be split on
    case = Case(seed, rows=200, numeric=2, categorical=3)
    pipeline = native(case, learning_rate=learning_rate, max_leaf_nodes=leaves, max_iter=trees)
    assert_graph_equals_pipeline(pipeline.fit(case.frame, case.y), case, seed)


@modest
@given(seed=seeds, depth=st.sampled_from([1, 3, None]), balanced=st.booleans(), early=st.booleans())
def test_gradient_boosting_over_imputed_and_one_hot_columns(
    seed: int, depth: int | None, balanced: bool, early: bool
) -> None:
    case = Case(seed)
    clf = HistGradientBoostingClassifier(
        max_depth=depth,
        max_iter=5,
        min_samples_leaf=3,
        class_weight="balanced" if balanced else None,
        early_stopping=early,
        random_state=0,
    )
    assert_graph_equals_pipeline(onehot(case, clf).fit(case.frame, case.y), case, seed)


def test_gradient_boosting_that_finds_no_split_gives_the_base_rate() -> None:
    case = Case(1, rows=20)
    pipeline = native(case, max_iter=3).set_params(clf__min_samples_leaf=1000)
    assert_graph_equals_pipeline(pipeline.fit(case.frame, case.y), case, 2)


def test_gradient_boosting_treats_a_category_it_never_saw_as_missing() -> None:
    """A code that the encoder knows but the estimator does not: the two were fitted on different rows."""
    case = Case(3, rows=80, numeric=1, categorical=1)
    prep = ColumnTransformer([("cat", ordinal(), case.categorical), ("num", "passthrough", case.numeric)])
    codes = prep.fit_transform(case.frame)
    seen = codes[:, 0] != 2
    clf = HistGradientBoostingClassifier(categorical_features=[0], max_iter=5, min_samples_leaf=2)
    clf.fit(codes[seen], case.y[seen])
    assert_graph_equals_pipeline(Pipeline([("prep", prep), ("clf", clf)]), case, 4)


@pytest.mark.parametrize(
    "values",
    [
        (1.0, 1.5, 200.0, 200.5, 3.0, 3.25),
        (0.25, 0.75, -3.5, -3.0, 7.0, 1e-300),
        (7.0, 2.0**31, 2.0**40, 9.0, 8.0, -(2.0**31)),
    ],
)
def test_gradient_boosting_on_numbers_as_categories(values: tuple[float, ...]) -> None:
    case = Case(5, rows=400, numeric=2, categorical=0)
    codes = np.random.default_rng(0).integers(0, 6, len(case.y))
    # every second one goes the other way: the trees ask for sets of several
    case.y = np.where(np.random.default_rng(1).random(len(codes)) < 0.9, codes % 2, 1 - codes % 2).astype(np.int8)
    case.tensors.numeric[:, 0] = np.array(values)[codes]
    case.tensors.numeric[:20, 0] = np.nan
    clf = HistGradientBoostingClassifier(categorical_features=case.numeric[:1], max_iter=5, min_samples_leaf=2)
    pipeline = Pipeline([("clf", clf)]).fit(case.frame[case.numeric], case.y)
    assert any(len(predictor.raw_left_cat_bitsets) for (predictor,) in clf._predictors)
    assert_graph_equals_pipeline(pipeline, case, 6)


def test_gradient_boosting_with_a_split_that_no_category_passes() -> None:
    case = Case(21, rows=400, numeric=1, categorical=2)
    pipeline = native(case, max_iter=5).fit(case.frame, case.y)
    emptied = [predictor.raw_left_cat_bitsets for (predictor,) in pipeline[-1]._predictors]
    assert any(len(bitsets) for bitsets in emptied)
    for bitsets in emptied:
        bitsets[:] = 0
    assert_graph_equals_pipeline(pipeline, case, 22)


@modest
@given(seed=seeds, trees=st.integers(1, 8), depth=st.sampled_from([1, 4, None]))
def test_random_forest(seed: int, trees: int, depth: int | None) -> None:
    case = Case(seed)
    clf = RandomForestClassifier(trees, max_depth=depth, random_state=seed % 1000)
    assert_graph_equals_pipeline(onehot(case, clf).fit(case.frame, case.y), case, seed)


def test_random_forest_of_trees_that_do_not_split() -> None:
    case = Case(8, numeric=2, categorical=0)
    clf = RandomForestClassifier(4, min_samples_split=1000, random_state=0)
    assert_graph_equals_pipeline(Pipeline([("clf", clf)]).fit(case.frame, case.y), case, 9)


@modest
@given(seed=seeds)
def test_random_forest_with_missing_values(seed: int) -> None:
    case = Case(seed, numeric=3, categorical=0)
    pipeline = Pipeline([("clf", RandomForestClassifier(5, random_state=0))])
    assert_graph_equals_pipeline(pipeline.fit(case.frame, case.y), case, seed)


@modest
@given(seed=seeds, c=st.sampled_from([0.01, 1.0, 100.0]))
def test_logistic_regression(seed: int, c: float) -> None:
    case = Case(seed)
    clf = LogisticRegression(C=c, max_iter=1000)
    assert_graph_equals_pipeline(onehot(case, clf).fit(case.frame, case.y), case, seed)


@modest
@given(
    seed=seeds,
    strategy=st.sampled_from(["mean", "median", "most_frequent", "constant"]),
    with_mean=st.booleans(),
    with_std=st.booleans(),
)
def test_numeric_imputers_and_scalers(seed: int, strategy: str, with_mean: bool, with_std: bool) -> None:
    case = Case(seed, numeric=3)
    scaler = StandardScaler(with_mean=with_mean, with_std=with_std)
    clf = HistGradientBoostingClassifier(max_iter=3, min_samples_leaf=3)
    pipeline = onehot(case, clf, SimpleImputer(strategy=strategy), scaler)
    assert_graph_equals_pipeline(pipeline.fit(case.frame, case.y), case, seed)


@pytest.mark.parametrize("keep", [False, True])
def test_a_column_without_a_single_value_is_dropped_or_kept_as_the_imputer_does(keep: bool) -> None:
    case = Case(5, numeric=2, categorical=2)
    case.tensors.numeric[:, 0] = np.nan
    case.tensors.categorical[:, 0] = ""
    pipeline = onehot(case, HistGradientBoostingClassifier(max_iter=3, min_samples_leaf=3))
    pipeline.set_params(prep__num__impute__keep_empty_features=keep, prep__cat__impute__keep_empty_features=keep)
    with warnings.catch_warnings():
        # scikit-learn says that it drops the column; that it does so is what is compared here
        warnings.filterwarnings("ignore", "Skipping features without any observed values")
        assert_graph_equals_pipeline(pipeline.fit(case.frame, case.y), case, 6)


@modest
@given(seed=seeds, drop=st.sampled_from([None, "first", "if_binary"]))
def test_one_hot_encoder_with_and_without_a_category_for_missing(seed: int, drop: str | None) -> None:
    case = Case(seed, numeric=1)
    encoder = OneHotEncoder(handle_unknown="ignore", drop=drop, sparse_output=False)
    prep = ColumnTransformer([("cat", encoder, case.categorical), ("num", "passthrough", case.numeric)])
    pipeline = Pipeline([("prep", prep), ("clf", HistGradientBoostingClassifier(max_iter=3, min_samples_leaf=3))])
    with warnings.catch_warnings():
        # scikit-learn says that an unknown category and the dropped one look alike
        warnings.filterwarnings("ignore", "Found unknown categories")
        assert_graph_equals_pipeline(pipeline.fit(case.frame, case.y), case, seed)


@modest
@given(seed=seeds, most=st.sampled_from([None, 2, 4]), unknown=st.sampled_from([np.nan, -1]))
def test_ordinal_encoder_with_codes_shared_by_rare_categories(seed: int, most: int | None, unknown: float) -> None:
    case = Case(seed, numeric=1, categorical=3)
    encoder = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=unknown, encoded_missing_value=np.nan, max_categories=most
    )
    prep = ColumnTransformer([("cat", encoder, case.categorical), ("num", "passthrough", case.numeric)])
    pipeline = Pipeline([("prep", prep), ("clf", HistGradientBoostingClassifier(max_iter=3, min_samples_leaf=3))])
    assert_graph_equals_pipeline(pipeline.fit(case.frame, case.y), case, seed)


@modest
@given(seed=seeds, method=st.sampled_from(["sigmoid", "isotonic"]), ensemble=st.booleans(), inside=st.booleans())
def test_calibration_around_and_inside_a_pipeline(seed: int, method: str, ensemble: bool, inside: bool) -> None:
    case = Case(seed, rows=80)
    clf = HistGradientBoostingClassifier(max_iter=4, min_samples_leaf=3)
    options: dict[str, Any] = {"method": method, "ensemble": ensemble, "cv": 3}
    if inside:
        pipeline: Any = onehot(case, CalibratedClassifierCV(clf, **options))
    else:
        pipeline = CalibratedClassifierCV(onehot(case, clf), **options)
    assert_graph_equals_pipeline(pipeline.fit(case.frame, case.y), case, seed)


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_calibration_of_a_classifier_without_a_decision_function(method: str) -> None:
    case = Case(11, rows=90)
    clf = CalibratedClassifierCV(RandomForestClassifier(5, random_state=0), method=method, cv=3)
    assert_graph_equals_pipeline(onehot(case, clf).fit(case.frame, case.y), case, 12)


def test_isotonic_calibration_of_a_score_that_is_the_same_for_every_row() -> None:
    case = Case(17, rows=60)
    clf = HistGradientBoostingClassifier(max_iter=2, min_samples_leaf=1000)
    calibrated = CalibratedClassifierCV(clf, method="isotonic", cv=3, ensemble=False)
    assert_graph_equals_pipeline(onehot(case, calibrated).fit(case.frame, case.y), case, 18)


def test_columns_of_which_nothing_is_left_after_encoding_and_imputing() -> None:
    case = Case(19, numeric=2, categorical=2)
    case.tensors.categorical[:] = "a"
    case.tensors.numeric[:, 0] = np.nan
    first, second = case.numeric
    prep = ColumnTransformer(
        [
            ("cat", OneHotEncoder(handle_unknown="ignore", drop="first", sparse_output=False), case.categorical),
            ("empty", SimpleImputer(), [first]),
            ("num", SimpleImputer(), [second]),
        ]
    )
    pipeline = Pipeline([("prep", prep), ("clf", HistGradientBoostingClassifier(max_iter=3, min_samples_leaf=3))])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Skipping features without any observed values")
        warnings.filterwarnings("ignore", "Found unknown categories")
        assert_graph_equals_pipeline(pipeline.fit(case.frame, case.y), case, 20)


@pytest.mark.parametrize(("numeric", "categorical"), [(3, 0), (0, 3), (1, 1)])
def test_tables_of_one_kind_only(numeric: int, categorical: int) -> None:
    case = Case(13, numeric=numeric, categorical=categorical)
    assert_graph_equals_pipeline(native(case, max_iter=5).fit(case.frame, case.y), case, 14)


def test_columns_that_pass_through_are_dropped_or_reordered_stay_the_right_ones() -> None:
    case = Case(15, numeric=4, categorical=2)
    prep = ColumnTransformer(
        [
            ("second", "passthrough", [case.numeric[2]]),
            ("cat", ordinal(), case.categorical[::-1]),
            ("gone", "drop", [case.numeric[0]]),
        ],
        remainder="passthrough",
    )
    clf = HistGradientBoostingClassifier(max_iter=5, min_samples_leaf=3)
    pipeline = Pipeline([("prep", prep), ("again", "passthrough"), ("scale", StandardScaler()), ("clf", clf)])
    assert_graph_equals_pipeline(pipeline.fit(case.frame, case.y), case, 16)


@pytest.mark.parametrize("rounds", [1, 60])
def test_trees_are_summed_in_the_estimators_own_order_to_the_last_bit(rounds: int) -> None:
    case = Case(17, rows=200, numeric=3)
    contract = Contract("case", case.contract.columns, Target("y", task="regression"))
    target = np.random.default_rng(17).normal(size=200)
    prep = ColumnTransformer([("cat", ordinal(), case.categorical), ("num", "passthrough", case.numeric)])
    clf = HistGradientBoostingRegressor(max_iter=rounds, min_samples_leaf=3, categorical_features=[0, 1])
    pipeline = Pipeline([("prep", prep), ("clf", clf)]).fit(case.frame, target)
    found = Session(compile_pipeline(pipeline, contract).model).predict(case.tensors)
    assert found.tobytes() == pipeline.predict(case.frame).tobytes()
