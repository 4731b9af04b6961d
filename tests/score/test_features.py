"""Features by table are the graph's own."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OrdinalEncoder

from tabi.bundle.session import Session
from tabi.bundle.split import split
from tabi.compile import compile_pipeline
from tabi.contract import Tensors
from tabi.score.evaluator import Evaluator
from tabi.score.features import Feature, features_before
from tabi.tables import Columns, TableReader
from tests.compile.conftest import Case

CASE = Case(7, 300)


def graph_of(*, imputed: bool) -> bytes:
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=np.nan)
    numbers = SimpleImputer() if imputed else "passthrough"
    prep = ColumnTransformer([("cat", encoder, CASE.categorical), ("num", numbers, CASE.numeric)])
    trees = HistGradientBoostingClassifier(categorical_features=[0, 1], max_iter=5, min_samples_leaf=2)
    pipeline = Pipeline([("prep", prep), ("clf", trees)]).fit(CASE.frame, CASE.y)
    return compile_pipeline(pipeline, CASE.contract).model


GRAPHS = {imputed: graph_of(imputed=imputed) for imputed in (False, True)}


def spread(feature: Feature) -> np.ndarray:
    return feature.values if feature.places is None else feature.values[feature.places]


def drawn() -> st.SearchStrategy[list[dict[str, object]]]:
    known = {column.name: [*getattr(column, "categories", ()), None, "", "新しい"] for column in CASE.contract.columns}
    cells = {
        name: st.sampled_from(of) if name in CASE.categorical else st.none() | st.floats(allow_nan=False)
        for name, of in known.items()
    }
    return st.lists(st.fixed_dictionaries(cells), min_size=1, max_size=30)


@pytest.mark.parametrize("imputed", [False, True])
@given(rows=drawn(), encoded=st.booleans())
def test_a_batch_of_arrow_has_the_features_and_the_answers_of_the_graph(
    imputed: bool, rows: list[dict[str, object]], encoded: bool
) -> None:
    kinds = [(c.name, pa.string() if c.name in CASE.categorical else pa.float64()) for c in CASE.contract.columns]
    table = pa.Table.from_pylist(rows, schema=pa.schema(kinds))
    if encoded:
        table = pa.table({n: table[n].dictionary_encode() if n in CASE.categorical else table[n] for n, _ in kinds})
    reader, (batch,) = TableReader(CASE.contract), table.to_batches()
    columns, faults = reader.read_columns(batch)
    tensors, told = reader.read(batch)
    assert list(faults) == list(told)
    assert columns.tensors().numeric.tobytes() == tensors.numeric.tobytes()
    assert columns.tensors().categorical.tolist() == tensors.categorical.tolist()

    graph = GRAPHS[imputed]
    found = split(graph)
    assert found is not None
    wanted = np.asarray(Session(found.before).run(tensors)[0])
    for same in (columns, Columns.of(tensors)):
        features = features_before(found.before).of(same)
        assert np.array_equal(np.column_stack([spread(feature) for feature in features]), wanted, equal_nan=True)
        assert Evaluator(Session(graph), graph).predict(same).tobytes() == Session(graph).predict(tensors).tobytes()


def test_texts_are_encoded_once_where_tables_are_all_there_is() -> None:
    columns = Columns.of(Tensors(np.zeros((4, len(CASE.contract.numeric))), np.full((4, 2), "", object)))
    kinds = {}
    for imputed, graph in GRAPHS.items():
        found = split(graph)
        assert found is not None
        kinds[imputed] = {feature.places is None for feature in features_before(found.before).of(columns)}
    assert kinds == {False: {True, False}, True: {True}}


def test_the_first_rows_of_columns_are_those_of_its_tensors() -> None:
    columns = Columns.of(CASE.tensors)
    first = columns.first(7).tensors()
    assert first.numeric.tobytes() == CASE.tensors.numeric[:7].tobytes()
    assert first.categorical.tolist() == CASE.tensors.categorical[:7].tolist()
