from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.naive_bayes import BernoulliNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (
    KBinsDiscretizer,
    MinMaxScaler,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)
from sklearn.svm import LinearSVC

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


PREPARATIONS = {
    "levels": make_pipeline(SimpleImputer(), QuantileTransformer(n_quantiles=20)),
    "bins": make_pipeline(SimpleImputer(), KBinsDiscretizer(4, quantile_method="averaged_inverted_cdf")),
    "powers": make_pipeline(SimpleImputer(add_indicator=True), StandardScaler(), PowerTransformer()),
    "chosen": make_pipeline(SimpleImputer(), RobustScaler(), FeatureUnion([("a", SelectKBest(k=1)), ("b", PCA(1))])),
}
ESTIMATORS = {
    "boosting": GradientBoostingClassifier(n_estimators=5, random_state=0),
    "network": make_pipeline(MinMaxScaler(clip=True), MLPClassifier((3,), max_iter=200, tol=1.0, random_state=0)),
    "vote": VotingClassifier([("a", BernoulliNB()), ("b", ExtraTreesClassifier(3, random_state=0))], voting="soft"),
    "margin": CalibratedClassifierCV(LinearSVC(random_state=0), cv=2),
}


# each preparation with two of the estimators
PAIRS = [(prep, list(ESTIMATORS)[(i + k) % 4]) for i, prep in enumerate(PREPARATIONS) for k in (0, 1)]


@pytest.mark.parametrize(("preparation", "estimator"), PAIRS)
def test_the_proof_holds_on_hostile_rows_of_many_pipelines(case: Case, preparation: str, estimator: str) -> None:
    prep = ColumnTransformer(
        [("num", PREPARATIONS[preparation], case.numeric), ("cat", TargetEncoder(), case.categorical)]
    )
    pipeline = clone(Pipeline([("prep", prep), ("clf", ESTIMATORS[estimator])])).fit(case.frame, case.y)
    parity = proved(pipeline, case)
    assert parity.holds
    assert parity.kinds["very_large"].rows > 0


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


@pytest.mark.usefixtures("wrong_converter")
def test_a_step_inside_a_classifier_of_several_is_named_by_that_classifier(case: Case) -> None:
    wrong = make_pipeline(SimpleImputer(), HalfScaler(), BernoulliNB(binarize=0.5))
    vote = VotingClassifier([("wrong", wrong)], voting="soft")
    prep = ColumnTransformer([("num", "passthrough", case.numeric)])
    parity = proved(Pipeline([("prep", prep), ("clf", vote)]).fit(case.frame, case.y), case)
    assert not parity.holds
    assert parity.step == "clf (VotingClassifier)"


def test_a_probability_that_is_not_a_number_is_as_different_as_can_be(case: Case) -> None:
    pipeline = native(case, max_iter=5).fit(case.frame, case.y)
    compiled = compile_pipeline(pipeline, case.contract)
    pipeline[-1]._baseline_prediction = pipeline[-1]._baseline_prediction * np.nan
    parity = prove(pipeline, compiled, case.contract, unseen(case, 5))
    assert parity.max_abs_diff == np.inf
    assert not parity.holds
