"""The graph is small: one node serves all columns, and what two steps compute alike is computed once."""

from __future__ import annotations

import json
from collections import Counter

import msgspec
import numpy as np
import onnx
import pytest
from sklearn.base import ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, QuantileTransformer, StandardScaler, TargetEncoder

from tabi.compile import compile_pipeline, prove
from tests.compile.conftest import Case
from tests.compile.test_converters import native, onehot

HIST = HistGradientBoostingClassifier(max_iter=3, min_samples_leaf=3)
# what imputed and scaled numbers beside one-hot categories take, of eight columns as of two
PREP = 10


def nodes(pipeline: Pipeline, case: Case) -> Counter[str]:
    model = compile_pipeline(pipeline.fit(case.frame, case.y), case.contract).model
    return Counter(node.op_type for node in onnx.load_model_from_string(model).graph.node)


@pytest.mark.parametrize("columns", [2, 8])
@pytest.mark.parametrize(
    ("clf", "count"),
    [
        (LogisticRegression(), PREP + 5),
        (HIST, PREP + 5),
        (RandomForestClassifier(5), PREP + 5),
        (ExtraTreesClassifier(5), PREP + 5),
        (GradientBoostingClassifier(n_estimators=5), PREP + 7),
        (BaggingClassifier(n_estimators=5), PREP + 5),
        (MLPClassifier((4, 3), max_iter=300, tol=1.0), PREP + 9),
        (VotingClassifier([("a", RandomForestClassifier(3)), ("b", ExtraTreesClassifier(3))], voting="soft"), PREP + 9),
        (StackingClassifier([("a", LogisticRegression()), ("b", HIST)], cv=2), PREP + 14),
        (CalibratedClassifierCV(HIST, ensemble=False, cv=2), PREP + 8),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, ClassifierMixin) else "",
)
def test_a_typical_pipeline_takes_few_nodes_however_many_its_columns(
    clf: ClassifierMixin, count: int, columns: int
) -> None:
    case = Case(7, rows=80, numeric=columns, categorical=columns)
    assert nodes(onehot(case, clf), case).total() == count


@pytest.mark.parametrize("columns", [2, 8])
def test_native_categories_take_one_lookup_and_one_walk(columns: int) -> None:
    case = Case(7, rows=200, numeric=columns, categorical=columns)
    found = nodes(native(case, max_iter=5), case)
    assert found["LabelEncoder"] == found["TreeEnsemble"] == 1
    assert found.total() <= 10


def test_bins_quantiles_and_target_codes_of_all_columns_are_found_by_one_search_each() -> None:
    case = Case(7, rows=80, numeric=6, categorical=6)
    case.tensors.numeric[:] = np.nan_to_num(case.tensors.numeric)
    prep = ColumnTransformer(
        [
            ("bins", KBinsDiscretizer(4, encode="ordinal", quantile_method="averaged_inverted_cdf"), case.numeric[:3]),
            ("levels", QuantileTransformer(n_quantiles=20), case.numeric[3:]),
            ("means", TargetEncoder(), case.categorical),
        ]
    )
    found = nodes(Pipeline([("prep", prep), ("clf", LogisticRegression())]), case)
    # quantiles are searched from below and from above
    assert found["TreeEnsemble"] == 3
    assert found["LabelEncoder"] == 1


def test_what_two_members_compute_alike_is_computed_once() -> None:
    case = Case(7, numeric=3, categorical=0)
    case.tensors.numeric[:] = np.nan_to_num(case.tensors.numeric)
    members = [(name, make_pipeline(StandardScaler(), LogisticRegression(C=c))) for name, c in (("a", 1.0), ("b", 9.0))]
    found = nodes(Pipeline([("clf", VotingClassifier(members, voting="soft"))]), case)
    assert found["Sub"] == 1
    assert found["Gemm"] == 2


def test_the_proof_writes_how_large_the_graph_is() -> None:
    case = Case(7)
    pipeline = onehot(case, LogisticRegression()).fit(case.frame, case.y)
    compiled = compile_pipeline(pipeline, case.contract)
    written = json.loads(msgspec.json.encode(prove(pipeline, compiled, case.contract, case.tensors)))
    assert written["nodes"] == len(onnx.load_model_from_string(compiled.model).graph.node)
    assert written["bytes"] == len(compiled.model)
