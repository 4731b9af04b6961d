from __future__ import annotations

import json
import re
import warnings

import numpy as np
import onnx
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import KNNImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    PowerTransformer,
    QuantileTransformer,
    SplineTransformer,
    StandardScaler,
)
from sklearn.svm import LinearSVC

from tabi.bundle.session import Session
from tabi.compile import compile_pipeline
from tabi.compile.compiler import compile_step
from tabi.contract import Contract
from tabi.data import tensors_of
from tabi.errors import CompileError
from tests.compile.conftest import Case
from tests.compile.test_converters import native, onehot


def small() -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(max_iter=2, min_samples_leaf=3)


def test_the_graph_takes_two_grouped_inputs_and_gives_one_probability(case: Case) -> None:
    pipeline = native(case, max_iter=2).fit(case.frame, case.y)
    model = onnx.load_model_from_string(compile_pipeline(pipeline, case.contract).model)
    onnx.checker.check_model(model, full_check=True)
    double, string = onnx.TensorProto.DOUBLE, onnx.TensorProto.STRING
    shapes = {
        i.name: (i.type.tensor_type.elem_type, i.type.tensor_type.shape.dim[1].dim_value) for i in model.graph.input
    }
    assert shapes == {"numeric": (double, 2), "categorical": (string, 2)}
    assert [o.name for o in model.graph.output] == ["probability"]
    assert {n.domain for n in model.graph.node} <= {"", "ai.onnx.ml"}


def test_the_graph_says_what_its_columns_are(case: Case) -> None:
    pipeline = native(case, max_iter=2).fit(case.frame, case.y)
    model = onnx.load_model_from_string(compile_pipeline(pipeline, case.contract).model)
    said = {p.key: p.value for p in model.metadata_props}
    assert json.loads(said["tabi.numeric"]) == case.numeric
    assert json.loads(said["tabi.categorical"]) == case.categorical
    assert said["tabi.positive"] == "yes"


def test_the_same_pipeline_gives_the_same_bytes(case: Case) -> None:
    pipeline = onehot(case, small()).fit(case.frame, case.y)
    assert compile_pipeline(pipeline, case.contract).model == compile_pipeline(pipeline, case.contract).model


def test_everything_is_float64_and_nothing_is_left_over(case: Case) -> None:
    pipeline = onehot(case, small()).fit(case.frame, case.y)
    graph = onnx.load_model_from_string(compile_pipeline(pipeline, case.contract).model).graph
    assert onnx.TensorProto.FLOAT not in {i.data_type for i in graph.initializer}
    used = {name for node in graph.node for name in node.input}
    assert {i.name for i in graph.initializer} <= used
    assert len(graph.node) < 20


def test_thresholds_are_given_in_units_of_the_input(case: Case) -> None:
    pipeline = onehot(case, small()).fit(case.frame, case.y)
    compiled = compile_pipeline(pipeline, case.contract)
    assert compiled.thresholds
    for column, thresholds in compiled.thresholds.items():
        values = case.tensors.numeric[:, column]
        assert np.nanmin(values) <= min(thresholds)
        assert max(thresholds) <= np.nanmax(values)


class ShiftedScaler(StandardScaler):  # type: ignore[misc]
    def transform(self, X, copy=None):  # type: ignore[no-untyped-def]
        return super().transform(X, copy) + 1


@pytest.mark.parametrize(
    ("step", "name", "says"),
    [
        (KNNImputer(), "impute", "KNNImputer has no exact ONNX form here; rounding decides"),
        (ShiftedScaler(), "scale", "ShiftedScaler has no exact ONNX form"),
    ],
)
def test_a_step_without_a_converter_is_refused_by_path_and_class(
    case: Case, step: StandardScaler, name: str, says: str
) -> None:
    pipeline = onehot(case, small())
    pipeline.set_params(**{f"prep__num__{name}": step})
    pipeline.fit(case.frame, case.y)
    with pytest.raises(CompileError, match=f"step 'prep/num/{name}': {says}"):
        compile_pipeline(pipeline, case.contract)


class Doubled(FunctionTransformer):  # type: ignore[misc]
    def transform(self, X):  # type: ignore[no-untyped-def]
        return np.asarray(X) * 2


@pytest.mark.parametrize("union", [False, True])
def test_a_subclass_of_the_identity_is_no_identity(case: Case, union: bool) -> None:
    numbers = case.frame[case.numeric].fillna(0.0)
    contract = Contract("numbers", case.contract.numeric, case.contract.target)
    parts: ColumnTransformer | FeatureUnion = ColumnTransformer([("twice", Doubled(), case.numeric)])
    if union:
        parts = FeatureUnion([("twice", Doubled())])
    pipeline = Pipeline([("prep", parts), ("clf", LogisticRegression())]).fit(numbers, case.y)
    with pytest.raises(CompileError, match="step 'prep/twice': Doubled has no exact ONNX form"):
        compile_pipeline(pipeline, contract)


@pytest.mark.parametrize(
    ("step", "values", "says"),
    [
        (QuantileTransformer(n_quantiles=4), [0.0, 5e-324, 1e-323, 1.5e-323], "a column (1) of too small or too large"),
        (SplineTransformer(), [-1e300, -1.0, 1e-300, 1e300], "a column (1) of too small or too large a spread"),
        (SplineTransformer(), [0.0, 5e-324, 1e-323, 1.5e-323], "a column (1) of too small or too large a spread"),
        (PowerTransformer(), [2.0**53 + 2 * k for k in range(4)], "a column (1) of very small spread"),
    ],
)
def test_numbers_of_which_only_rounding_would_be_left_are_refused_by_column(
    case: Case, step: QuantileTransformer, values: list[float], says: str
) -> None:
    frame = case.frame[case.numeric].fillna(0.0)
    frame[case.numeric[1]] = np.resize(values, len(frame))
    contract = Contract("numbers", case.contract.numeric, case.contract.target)
    # SciPy warns of what is refused here
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        step.fit(frame)
        with pytest.raises(CompileError, match=re.escape(says)):
            compile_step(step, contract)


def test_a_category_that_is_the_largest_of_numbers_is_no_obstacle(case: Case) -> None:
    frame = case.frame[case.numeric].fillna(0.0)
    frame[case.numeric[1]] = np.resize([1.7e308, 0.0, 2.0, 1.0], len(frame))
    contract = Contract("numbers", case.contract.numeric, case.contract.target)
    step = OneHotEncoder(handle_unknown="ignore").fit(frame)
    ((_, model),) = compile_step(step, contract).models.items()
    given = Session(model).run(tensors_of(frame, contract))[0]
    np.testing.assert_array_equal(given, step.transform(frame).toarray())


def test_an_estimator_without_a_converter_is_refused(case: Case) -> None:
    pipeline = onehot(case, KNeighborsClassifier(2)).fit(case.frame, case.y)
    with pytest.raises(
        CompileError, match="step 'clf': KNeighborsClassifier has no exact ONNX form here; rounding decides"
    ):
        compile_pipeline(pipeline, case.contract)


@pytest.mark.parametrize(
    ("encoder", "says"),
    [
        (OneHotEncoder(handle_unknown="error", sparse_output=False), "handle_unknown='error'"),
        (OrdinalEncoder(), "handle_unknown='error'"),
    ],
)
def test_an_encoder_option_without_an_exact_form_is_refused(case: Case, encoder: OneHotEncoder, says: str) -> None:
    prep = ColumnTransformer([("cat", encoder, case.categorical)])
    pipeline = Pipeline([("prep", prep), ("clf", small())]).fit(case.frame, case.y)
    with pytest.raises(CompileError, match=f"step 'prep/cat': .*{says}"):
        compile_pipeline(pipeline, case.contract)


@pytest.mark.parametrize(
    "clf", [small(), RandomForestClassifier(2), LogisticRegression(), CalibratedClassifierCV(small(), cv=2)]
)
def test_more_classes_than_the_contract_has_are_refused(clf: LogisticRegression) -> None:
    case = Case(4, numeric=2, categorical=0)
    case.tensors.numeric[:] = np.nan_to_num(case.tensors.numeric)
    three = np.arange(len(case.y)) % 3
    pipeline = Pipeline([("scale", StandardScaler()), ("clf", clf)]).fit(case.frame, three)
    with pytest.raises(CompileError, match=r"step 'clf'.*3 classes.*the contract has two"):
        compile_pipeline(pipeline, case.contract)


def test_a_calibration_without_an_exact_form_is_refused(case: Case) -> None:
    clf = CalibratedClassifierCV(small(), method="temperature", cv=2)
    pipeline = onehot(case, clf).fit(case.frame, case.y)
    with pytest.raises(CompileError, match=r"step 'clf': .*method='temperature'"):
        compile_pipeline(pipeline, case.contract)


def test_a_classifier_in_the_middle_is_refused(case: Case) -> None:
    pipeline = onehot(case, small()).fit(case.frame, case.y)
    pipeline.steps.append(("again", small()))
    with pytest.raises(CompileError, match="step 'clf': a classifier may only be the last step"):
        compile_pipeline(pipeline, case.contract)


def test_a_classifier_that_gives_no_probabilities_is_refused(case: Case) -> None:
    pipeline = onehot(case, LinearSVC()).fit(case.frame, case.y)
    with pytest.raises(CompileError, match=r"step 'clf': LinearSVC with no probabilities .*CalibratedClassifierCV"):
        compile_pipeline(pipeline, case.contract)


def test_a_regressor_in_a_classifiers_place_is_refused(case: Case) -> None:
    pipeline = onehot(case, Ridge()).fit(case.frame, case.y)
    with pytest.raises(CompileError, match="the last step must be a classifier"):
        compile_pipeline(pipeline, case.contract)


def test_a_step_that_is_left_without_columns_is_refused_by_path() -> None:
    case = Case(4, numeric=2, categorical=0)
    union = FeatureUnion([("none", "drop")])
    pipeline = Pipeline([("union", union), ("clf", small())])
    with pytest.raises(CompileError, match=r"step 'clf': .* left without columns"):
        compile_pipeline(pipeline, case.contract)


def test_a_pipeline_that_ends_in_a_transformer_is_refused() -> None:
    case = Case(4, numeric=2, categorical=0)
    with pytest.raises(CompileError, match="the last step must be a classifier"):
        compile_pipeline(Pipeline([("scale", StandardScaler())]).fit(case.frame), case.contract)
