"""Ranks before the graph give the whole graph's own bits on every kind of row, or they are not used."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder
from threadpoolctl import threadpool_limits

from tabi.bundle import few as module
from tabi.bundle.few import MOST, FewRows
from tabi.bundle.ranked import Ranked, Table, ranked
from tabi.bundle.session import Session
from tabi.compile import compile_pipeline
from tabi.compile.hostile import hostile_rows
from tabi.contract import Contract, Target, Tensors
from tests.compile.conftest import TEXTS, Case, unseen

HARD = ("", "\0", "a\0", "a\0b", "a ", "A", "0:a", "1", "nan", "None", "東京", "no such category", "\U0001f600" * 50)


def encoder(case: Case) -> ColumnTransformer:
    ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=np.nan)
    return ColumnTransformer([("cat", ordinal, case.categorical), ("num", "passthrough", case.numeric)])


def boosting(kind: Any = HistGradientBoostingClassifier, **params: Any) -> Any:
    given = {"min_samples_leaf": 2, "max_iter": 12, "random_state": 0, "categorical_features": [0, 1], **params}
    return kind(**given)


def binary(case: Case) -> tuple[Any, Any, Contract]:
    return boosting(), case.y, case.contract


def ordered(case: Case) -> tuple[Any, Any, Contract]:
    """Categories whose codes are compared as numbers."""
    return boosting(categorical_features=None), case.y, case.contract


def multiclass(case: Case) -> tuple[Any, Any, Contract]:
    target = Target("y", ("a", "b", "c"), "multiclass")
    return boosting(), np.arange(len(case.y)) % 3, Contract("case", case.contract.columns, target)


def regression(case: Case) -> tuple[Any, Any, Contract]:
    contract = Contract("case", case.contract.columns, Target("y", task="regression"))
    return boosting(HistGradientBoostingRegressor), case.y + 0.1 * np.arange(len(case.y)), contract


def poisson(case: Case) -> tuple[Any, Any, Contract]:
    contract = Contract("case", case.contract.columns, Target("y", task="regression"))
    return boosting(HistGradientBoostingRegressor, loss="poisson"), case.y.astype(float), contract


KINDS = [binary, ordered, multiclass, regression, poisson]
Kind = Callable[[Case], tuple[Any, Any, Contract]]


def compiled(case: Case, kind: Kind) -> Any:
    estimator, y, contract = kind(case)
    with threadpool_limits(1):
        pipeline = Pipeline([("prep", encoder(case)), ("clf", estimator)]).fit(case.frame, y)
    return compile_pipeline(pipeline, contract)


def part(tensors: Tensors, rows: slice) -> Tensors:
    return Tensors(tensors.numeric[rows], tensors.categorical[rows])


def assert_same_bits(few: FewRows, session: Session, tensors: Tensors) -> None:
    """Of rows together and of each alone."""
    wanted = session.predict(tensors)
    for size in (1, 3, MOST):
        for start in range(0, len(wanted), size):
            rows = slice(start, start + size)
            found = few.predict(part(tensors, rows))
            assert found.dtype == wanted.dtype
            assert found.shape == wanted[rows].shape
            assert found.tobytes() == wanted[rows].tobytes()


@pytest.mark.parametrize("kind", KINDS)
def test_the_bits_are_those_of_the_graph_on_hostile_rows_together_and_alone(kind: Kind) -> None:
    case = Case(1, 90)
    graph = compiled(case, kind)
    session = Session(graph.model)
    few = FewRows.of(graph.model, session)
    assert few is not None
    hostile = [o.tensors for o in hostile_rows(case.contract, case.tensors, graph.thresholds, 1)]
    for tensors in (case.tensors, unseen(case, 2), *hostile):
        assert_same_bits(few, session, part(tensors, slice(0, 70)))


class Shared:
    """One graph, its session and the other form of it, for tests that draw rows."""

    def __init__(self) -> None:
        self.case = Case(3, 120)
        self.graph = compiled(self.case, binary).model
        self.session = Session(self.graph)
        few = FewRows.of(self.graph, self.session)
        assert few is not None
        self.few = few


@pytest.fixture(scope="module")
def shared() -> Shared:
    return Shared()


numbers = st.floats() | st.sampled_from([0.0, -0.0, 1.0, 5e-324])
categories = st.sampled_from([*TEXTS, *HARD]) | st.text(st.characters(exclude_categories=["Cs"]), max_size=5)


@settings(deadline=None, max_examples=100)
@given(rows=st.lists(st.tuples(numbers, numbers, categories, categories), min_size=1, max_size=8))
def test_any_numbers_and_any_texts_have_the_bits_of_the_graph(
    shared: Shared, rows: list[tuple[float, float, str, str]]
) -> None:
    numeric = np.array([row[:2] for row in rows], np.float64)
    texts = np.array([row[2:] for row in rows], object)
    assert_same_bits(shared.few, shared.session, Tensors(numeric, texts))


def test_an_answer_is_not_written_over_by_the_next(shared: Shared) -> None:
    wanted = shared.session.predict(shared.case.tensors)
    found = [shared.few.predict(part(shared.case.tensors, slice(i, i + 1))) for i in range(len(wanted))]
    assert np.concatenate(found).tobytes() == wanted.tobytes()
    assert len(set(wanted.tolist())) > 10


def test_threads_get_the_answers_to_their_own_rows(shared: Shared) -> None:
    wanted = shared.session.predict(shared.case.tensors)
    rows = [i % len(wanted) for i in range(2000)]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda i: shared.few.predict(part(shared.case.tensors, slice(i, i + 1)))[0], rows))
    assert found == [wanted[i] for i in rows]


def test_other_graphs_are_left_to_themselves(files: Any) -> None:
    case = Case(5, 80)
    onehot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    split = [("cat", onehot, case.categorical), ("num", "passthrough", case.numeric)]
    members = [("trees", boosting()), ("more", boosting(max_iter=3))]
    with threadpool_limits(1):
        pipelines = [
            Pipeline([("prep", ColumnTransformer(split)), ("clf", boosting(categorical_features=None))]),
            Pipeline([("prep", encoder(case)), ("clf", VotingClassifier(members, voting="soft"))]),
            Pipeline([("prep", ColumnTransformer(split[:1])), ("clf", LogisticRegression())]),
            Pipeline([("prep", ColumnTransformer(split[1:])), ("clf", boosting(categorical_features=None))]),
        ]
        graphs = [compile_pipeline(p.fit(case.frame, case.y), case.contract).model for p in pipelines]
    for graph in (*graphs, (files / "model.onnx").read_bytes()):
        assert FewRows.of(graph, Session(graph)) is None


def test_what_is_no_graph_has_no_other_form() -> None:
    for content in (b"", b"\x08", b"\xff" * 40, b"not a graph"):
        assert ranked(content) is None


def test_a_form_that_gives_another_bit_is_never_used(shared: Shared, monkeypatch: pytest.MonkeyPatch) -> None:
    right = ranked(shared.graph)
    assert right is not None
    table = right.tables[0]
    # one category gets the ranks of another
    wrong = Table({**table, "a": table["b"]}, table.other)
    assert table["a"] != table["b"]
    monkeypatch.setattr(module, "ranked", lambda _: Ranked(right.model, [wrong, *right.tables[1:]], right.thresholds))
    assert FewRows.of(shared.graph, shared.session) is None
    monkeypatch.setattr(module, "ranked", lambda _: Ranked(b"not a graph", right.tables, right.thresholds))
    assert FewRows.of(shared.graph, shared.session) is None


def test_columns_of_very_many_categories_are_left_to_the_graph(shared: Shared, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_CATEGORIES", 3)
    assert FewRows.of(shared.graph, shared.session) is None
    monkeypatch.undo()
    monkeypatch.setattr("tabi.bundle.ranked._MOST_NUMBERS", 10)
    assert ranked(shared.graph) is None
