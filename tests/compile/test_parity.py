from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from tabi.compile import Compiled, Parity, compile_pipeline, prove
from tabi.compile.graph import Graph, Lanes
from tabi.compile.registry import _CONVERTERS, converts
from tests.compile.conftest import Case, unseen
from tests.compile.test_converters import native, onehot


def proved(pipeline: Pipeline, case: Case, bound: float = 1e-9) -> Parity:
    return prove(pipeline, compile_pipeline(pipeline, case.contract), case.contract, unseen(case, 5), bound=bound)


@pytest.fixture
def fitted(case: Case) -> Pipeline:
    clf = HistGradientBoostingClassifier(max_iter=5, min_samples_leaf=3)
    return onehot(case, clf).fit(case.frame, case.y)


def test_the_proof_covers_the_test_set_and_every_kind_of_hostile_row(case: Case) -> None:
    parity = proved(native(case, max_iter=5).fit(case.frame, case.y), case)
    assert parity.holds
    assert parity.max_abs_diff < 1e-12
    expected = {"test", "missing", "all_missing", "unknown_category", "zero", "very_large", "infinite", "threshold"}
    assert set(parity.kinds) == expected
    assert parity.kinds["test"].rows == 40
    assert parity.kinds["infinite"].rows > 0
    assert parity.rows == sum(kind.rows for kind in parity.kinds.values())


def test_rows_that_the_pipeline_itself_refuses_are_counted_not_compared(fitted: Pipeline, case: Case) -> None:
    parity = proved(fitted, case)
    assert parity.holds
    assert parity.kinds["infinite"].rows == 0
    assert parity.kinds["infinite"].refused_by_pipeline > 0


def test_numbers_beyond_float32_are_compared_where_the_forest_takes_them(case: Case) -> None:
    parity = proved(onehot(case, RandomForestClassifier(3)).fit(case.frame, case.y), case)
    assert parity.holds
    large = parity.kinds["very_large"]
    assert large.rows + large.refused_by_pipeline == 2 * 8 * 3


def test_the_proof_is_the_same_when_it_is_made_twice(fitted: Pipeline, case: Case) -> None:
    assert msgspec.json.encode(proved(fitted, case)) == msgspec.json.encode(proved(fitted, case))


def test_a_threshold_that_is_off_by_one_float_is_caught_with_its_worst_row(case: Case) -> None:
    """It changes nothing but rows that lie exactly beside it."""
    fitted, other = (native(case, max_iter=5, random_state=0).fit(case.frame, case.y) for _ in range(2))
    compiled = compile_pipeline(fitted, case.contract)
    nodes = other[-1]._predictors[0][0].nodes
    inner = np.flatnonzero((nodes["is_leaf"] == 0) & (nodes["is_categorical"] == 0))[0]
    nodes["num_threshold"][inner] = np.nextafter(nodes["num_threshold"][inner], np.inf)
    wrong = compile_pipeline(other, case.contract)
    assert wrong.model != compiled.model
    swapped = Compiled(wrong.model, compiled.thresholds, compiled._graph, compiled._contract)
    parity = prove(fitted, swapped, case.contract, unseen(case, 5))
    assert not parity.holds
    assert parity.worst.kind == "threshold"
    assert 0 <= parity.worst.row < 40


class HalfScaler(StandardScaler):  # type: ignore[misc]
    """A step that nobody ships: its converter below is wrong on purpose."""


@pytest.fixture
def wrong_converter() -> Iterator[None]:
    @converts(HalfScaler)
    def _convert(scaler: HalfScaler, graph: Graph, lanes: Lanes, path: str) -> Lanes:
        return graph.lanes_of(graph.add("Mul", [graph.pack(lanes), graph.constant(0.5)]), len(lanes))

    yield
    del _CONVERTERS[HalfScaler]


@pytest.mark.usefixtures("wrong_converter")
def test_a_step_that_is_converted_wrongly_is_named(fitted: Pipeline, case: Case) -> None:
    fitted.set_params(prep__num__scale=HalfScaler()).fit(case.frame, case.y)
    parity = proved(fitted, case)
    assert not parity.holds
    assert parity.step == "prep/num/scale (HalfScaler)"


def test_an_estimator_that_is_converted_wrongly_is_named(case: Case) -> None:
    pipeline = native(case, max_iter=5).fit(case.frame, case.y)
    compiled = compile_pipeline(pipeline, case.contract)
    pipeline[-1]._baseline_prediction = pipeline[-1]._baseline_prediction + 0.1
    parity = prove(pipeline, compiled, case.contract, unseen(case, 5))
    assert not parity.holds
    assert parity.step == "clf (HistGradientBoostingClassifier)"


def test_a_probability_that_is_not_a_number_is_as_different_as_can_be(case: Case) -> None:
    pipeline = native(case, max_iter=5).fit(case.frame, case.y)
    compiled = compile_pipeline(pipeline, case.contract)
    pipeline[-1]._baseline_prediction = pipeline[-1]._baseline_prediction * np.nan
    parity = prove(pipeline, compiled, case.contract, unseen(case, 5))
    assert parity.max_abs_diff == np.inf
    assert not parity.holds
