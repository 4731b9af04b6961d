"""Graphs of several classes and of numbers: shape, order, proof, and what is refused."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import onnx
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline

from tabi.bundle.session import Session
from tabi.compile import Compiled, compile_pipeline, prove
from tabi.contract import Contract, Target
from tabi.errors import CompileError
from tests.compile.conftest import Case, unseen
from tests.compile.test_converters import native, onehot

CLASSES = ("high", "low", "middle")
SMALL: dict[str, Any] = {"max_iter": 4, "min_samples_leaf": 3, "random_state": 0}


@dataclass(frozen=True)
class Table:
    """The rows of a case with another target."""

    case: Case
    contract: Contract
    y: npt.NDArray[Any]


def table(target: Target, y: npt.NDArray[Any]) -> Table:
    case = Case(7)
    return Table(case, msgspec.structs.replace(case.contract, target=target), y)


@pytest.fixture
def three() -> Table:
    case = Case(7)
    return table(Target("y", CLASSES, task="multiclass"), (np.arange(len(case.y)) % 3 + case.y) % 3)


@pytest.fixture
def numbers() -> Table:
    case = Case(7)
    signal = np.nan_to_num(case.tensors.numeric).sum(axis=1) / 1e3 + 5.0 * case.y
    return table(Target("y", (), task="regression"), 1e6 * (signal + np.random.default_rng(0).normal(size=len(signal))))


CLASSIFIERS = {
    "boosting": HistGradientBoostingClassifier(**SMALL),
    "gradient": GradientBoostingClassifier(n_estimators=3, random_state=0),
    "forest": RandomForestClassifier(4, random_state=0),
    "logistic": LogisticRegression(),
    "network": MLPClassifier((4,), max_iter=300, tol=1.0, random_state=0),
    "vote": VotingClassifier([("a", LogisticRegression()), ("b", RandomForestClassifier(3))], voting="soft"),
    "stack": StackingClassifier([("a", LogisticRegression()), ("b", RandomForestClassifier(3))], cv=2),
    "calibrated": CalibratedClassifierCV(RandomForestClassifier(3), cv=2),
}
REGRESSORS = {
    "boosting": HistGradientBoostingRegressor(**SMALL),
    "gradient": GradientBoostingRegressor(n_estimators=3, random_state=0),
    "forest": ExtraTreesRegressor(4, random_state=0),
    "linear": LinearRegression(),
    "network": MLPRegressor(hidden_layer_sizes=(4,), max_iter=300, tol=1e9, random_state=0),
    "vote": VotingRegressor([("a", Ridge()), ("b", ExtraTreesRegressor(3))]),
    "stack": StackingRegressor([("a", Ridge()), ("b", ExtraTreesRegressor(3))], cv=2),
}


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_several_classes_are_proved_on_hostile_rows_in_each_of_them(three: Table, name: str) -> None:
    pipeline = onehot(three.case, clone(CLASSIFIERS[name])).fit(three.case.frame, three.y)
    compiled = compile_pipeline(pipeline, three.contract)
    parity = prove(pipeline, compiled, three.contract, unseen(three.case, 5))
    assert parity.holds, parity
    assert "spread" not in json.loads(msgspec.json.encode(parity))
    output = onnx.load_model_from_string(compiled.model).graph.output
    assert [(o.name, [d.dim_param or d.dim_value for d in o.type.tensor_type.shape.dim]) for o in output] == [
        ("probabilities", ["rows", 3])
    ]
    Session(compiled.model).check(three.case.tensors, three.contract.target)
    np.testing.assert_allclose(
        Session(compiled.model).predict(three.case.tensors), pipeline.predict_proba(three.case.frame), rtol=0, atol=1e-9
    )


@pytest.mark.parametrize("name", REGRESSORS)
def test_numbers_are_proved_on_hostile_rows_in_parts_of_their_spread(numbers: Table, name: str) -> None:
    pipeline = onehot(numbers.case, clone(REGRESSORS[name])).fit(numbers.case.frame, numbers.y)
    compiled = compile_pipeline(pipeline, numbers.contract)
    spread = float(numbers.y.std())
    parity = prove(pipeline, compiled, numbers.contract, unseen(numbers.case, 5), spread=spread)
    assert parity.holds, parity
    assert parity.spread == spread
    Session(compiled.model).check(numbers.case.tensors, numbers.contract.target)


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "gamma", "poisson", "quantile"])
def test_every_loss_of_boosting_is_proved(numbers: Table, loss: str) -> None:
    options = {"loss": loss, "quantile": 0.9} if loss == "quantile" else {"loss": loss}
    pipeline = native(numbers.case)
    pipeline.steps[-1] = ("clf", HistGradientBoostingRegressor(**SMALL, **options, categorical_features=[0, 1]))
    y = np.abs(numbers.y) / 1e6 + 0.1
    pipeline.fit(numbers.case.frame, y)
    compiled = compile_pipeline(pipeline, numbers.contract)
    parity = prove(pipeline, compiled, numbers.contract, unseen(numbers.case, 5), spread=float(y.std()))
    assert parity.holds, parity
    assert len(set(Session(compiled.model).predict(numbers.case.tensors))) > 5


def test_the_proof_of_numbers_sees_a_billionth_of_their_spread_and_no_less(numbers: Table) -> None:
    pipeline = onehot(numbers.case, Ridge()).fit(numbers.case.frame, numbers.y)
    compiled = compile_pipeline(pipeline, numbers.contract)
    spread = float(numbers.y.std())
    for shift, holds in ((spread * 2e-9, False), (spread * 2e-10, True)):
        other = clone(pipeline).fit(numbers.case.frame, numbers.y)
        other[-1].intercept_ = other[-1].intercept_ + shift
        parity = prove(other, compiled, numbers.contract, unseen(numbers.case, 5), spread=spread)
        assert parity.holds is holds
        assert parity.step == (None if holds else "clf (Ridge)")


def test_one_class_that_differs_is_seen_and_its_step_named(three: Table) -> None:
    pipeline = onehot(three.case, HistGradientBoostingClassifier(**SMALL)).fit(three.case.frame, three.y)
    compiled = compile_pipeline(pipeline, three.contract)
    pipeline[-1]._baseline_prediction = pipeline[-1]._baseline_prediction + np.array([[0.0, 1e-6, 0.0]])
    parity = prove(pipeline, compiled, three.contract, unseen(three.case, 5))
    assert not parity.holds
    assert parity.step == "clf (HistGradientBoostingClassifier)"


def test_a_graph_of_several_classes_says_them_in_the_contract_s_order(three: Table) -> None:
    pipeline = onehot(three.case, LogisticRegression())
    for y in (three.y, np.array(CLASSES, dtype=object)[three.y]):
        model = onnx.load_model_from_string(compile_pipeline(pipeline.fit(three.case.frame, y), three.contract).model)
        said = {p.key: p.value for p in model.metadata_props}
        assert json.loads(said["tabi.classes"]) == list(CLASSES)
        assert "tabi.positive" not in said


@pytest.mark.parametrize("classes", [[0, 1], [0, 2], [1, 2, 3], [2, 3, 4, 5]])
def test_classes_other_than_the_contract_s_are_refused(three: Table, classes: list[int]) -> None:
    y = np.array(classes)[np.arange(len(three.y)) % len(classes)]
    pipeline = onehot(three.case, LogisticRegression()).fit(three.case.frame, y)
    with pytest.raises(CompileError, match=r"step 'clf': LogisticRegression.*the contract has 3, in its own order"):
        compile_pipeline(pipeline, three.contract)


def test_a_pipeline_of_another_task_is_refused(three: Table, numbers: Table) -> None:
    ridge: Pipeline = onehot(numbers.case, Ridge()).fit(numbers.case.frame, numbers.y)
    with pytest.raises(CompileError, match="the last step must be a classifier"):
        compile_pipeline(ridge, three.contract)
    logistic: Pipeline = onehot(three.case, LogisticRegression()).fit(three.case.frame, three.y)
    with pytest.raises(CompileError, match="a regressor is needed here"):
        compile_pipeline(logistic, numbers.contract)


def test_infinite_numbers_on_both_sides_agree(numbers: Table) -> None:
    pipeline = onehot(numbers.case, HistGradientBoostingRegressor(**SMALL, loss="poisson"))
    pipeline.fit(numbers.case.frame, np.abs(numbers.y))
    pipeline[-1]._baseline_prediction = np.array([[1e9]])
    compiled: Compiled = compile_pipeline(pipeline, numbers.contract)
    with np.errstate(over="ignore"):
        assert prove(pipeline, compiled, numbers.contract, unseen(numbers.case, 5)).holds
