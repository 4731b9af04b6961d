"""Trees by table give the graph's own bits on every kind of row that the proof knows, or they are not used."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder
from threadpoolctl import threadpool_limits

from tabi.bundle.session import Session
from tabi.bundle.split import split
from tabi.compile import compile_pipeline
from tabi.compile.hostile import hostile_rows
from tabi.contract import Tensors
from tabi.score.evaluator import Evaluator
from tabi.score.forest import Forest
from tabi.store import Store
from tabi.tables import Columns
from tests.compile.conftest import Case, unseen
from tests.serving.conftest import Harbour, table


def native(case: Case, **params: Any) -> Pipeline:
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=np.nan)
    prep = ColumnTransformer([("cat", encoder, case.categorical), ("num", "passthrough", case.numeric)])
    given = {"min_samples_leaf": 2, "max_iter": 12, "random_state": 0, **params}
    return Pipeline(
        [("prep", prep), ("clf", HistGradientBoostingClassifier(categorical_features=list(range(2)), **given))]
    )


def onehot(case: Case, **params: Any) -> Pipeline:
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    prep = ColumnTransformer([("cat", encoder, case.categorical), ("num", "passthrough", case.numeric)])
    return Pipeline(
        [("prep", prep), ("clf", HistGradientBoostingClassifier(min_samples_leaf=2, max_iter=12, **params))]
    )


def numbers_only(case: Case, **params: Any) -> Pipeline:
    prep = ColumnTransformer([("num", "passthrough", case.numeric)])
    return Pipeline(
        [("prep", prep), ("clf", HistGradientBoostingClassifier(min_samples_leaf=2, max_iter=12, **params))]
    )


CASES = [
    (native, {}, 60),
    (native, {"max_leaf_nodes": 60}, 400),
    (native, {"max_leaf_nodes": 2}, 60),
    (onehot, {"max_leaf_nodes": 64}, 400),
    (numbers_only, {}, 60),
]


@pytest.mark.parametrize(("build", "params", "rows"), CASES)
@pytest.mark.parametrize("seed", [1, 2])
def test_the_bits_are_those_of_the_graph_on_hostile_rows_together_and_alone(
    build: Any, params: dict[str, int], rows: int, seed: int
) -> None:
    case = Case(seed, rows)
    with threadpool_limits(1):
        pipeline = build(case, **params).fit(case.frame, case.y)
    compiled = compile_pipeline(pipeline, case.contract)
    session = Session(compiled.model)
    ordeals = [o.tensors for o in hostile_rows(case.contract, case.tensors, compiled.thresholds, seed)]
    for tensors in (case.tensors, unseen(case, seed), *ordeals):
        evaluator = Evaluator(session, compiled.model)
        found = evaluator.predict(Columns.of(tensors))
        assert evaluator.by_table
        assert found.tobytes() == session.predict(tensors).tobytes()
        one = slice(len(found) - 1, None)
        alone = evaluator.predict(Columns.of(Tensors(tensors.numeric[one], tensors.categorical[one])))
        assert alone.tobytes() == found[one].tobytes()


def test_a_row_has_the_same_bits_in_a_batch_of_any_size(harbour: Harbour) -> None:
    case = Case(5, 1100)
    with threadpool_limits(1):
        graph = compile_pipeline(native(case, max_iter=60).fit(case.frame, case.y), case.contract).model
    whole = Session(graph).predict(case.tensors)
    for size in (*range(1, 40), 511, 512, 513, 1025, 1100):
        evaluator = Evaluator(Session(graph), graph)
        part = Tensors(case.tensors.numeric[-size:], case.tensors.categorical[-size:])
        assert evaluator.predict(Columns.of(part)).tobytes() == whole[-size:].tobytes()
        assert evaluator.by_table


@pytest.mark.parametrize("leaves", [None, 100])
def test_trees_with_more_leaves_than_bits_are_left_to_the_graph(leaves: int | None) -> None:
    case = Case(3, 600)
    with threadpool_limits(1):
        pipeline = numbers_only(case, max_leaf_nodes=leaves).fit(case.frame, case.y)
    graph = compile_pipeline(pipeline, case.contract).model
    evaluator = Evaluator(Session(graph), graph)
    assert not evaluator.by_table
    assert evaluator.predict(Columns.of(case.tensors)).tobytes() == Session(graph).predict(case.tensors).tobytes()


def test_a_graph_without_trees_is_left_to_itself(harbour: Harbour) -> None:
    graph = (harbour.path("linear") / "model.onnx").read_bytes()
    assert split(graph) is None
    assert not Evaluator(Session(graph), graph).by_table


def test_trees_that_give_another_bit_are_never_used(harbour: Harbour, monkeypatch: pytest.MonkeyPatch) -> None:
    right = Forest.sums
    monkeypatch.setattr(Forest, "sums", lambda self, *of: right(self, *of) + 1e-12)
    session = Session(harbour.graph)
    evaluator = Evaluator(session, harbour.graph)
    assert evaluator.by_table
    tensors = Tensors(np.array([[39.0, 7.25], [np.nan, 1.0]]), np.array([["male", "東京"], ["", ""]], object))
    assert evaluator.predict(Columns.of(tensors)).tobytes() == session.predict(tensors).tobytes()
    assert not evaluator.by_table


faults = st.lists(st.tuples(st.integers(0, 100_000), st.integers(0, 255)), min_size=1, max_size=4)


@settings(max_examples=200)
@given(faults, st.none() | st.integers(0, 100_000))
def test_a_damaged_graph_is_taken_apart_or_not_and_nothing_else(
    harbour: Harbour, changes: list[tuple[int, int]], end: int | None
) -> None:
    damaged = bytearray(harbour.graph)
    for place, value in changes:
        damaged[place % len(damaged)] = value
    found = split(bytes(damaged[:end]))
    assert found is None or found.before


@pytest.mark.parametrize(("name", "by_table"), [("price", True), ("cabin", False)])
def test_trees_of_a_number_are_looked_up_and_those_of_several_classes_left_to_the_graph(
    tasks: Store, name: str, by_table: bool
) -> None:
    graph = (tasks.open_path(name) / "model.onnx").read_bytes()
    evaluator = Evaluator(Session(graph), graph)
    tensors, _ = table(4)
    for count in (300, 1):
        part = Tensors(tensors.numeric[:count], tensors.categorical[:count])
        assert evaluator.predict(Columns.of(part)).tobytes() == Session(graph).predict(part).tobytes()
    assert evaluator.by_table is by_table
