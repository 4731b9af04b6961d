"""Explanations of whole pipelines: they add up to the served graph on any rows, and are folded onto the contract."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from tabi.bundle import layout
from tabi.bundle.session import Session
from tabi.compile import compile_pipeline
from tabi.compile.explanation import explanation_of
from tabi.contract import CategoricalColumn, Contract, NumericColumn, Target, Tensors, TextColumn
from tabi.data import frame_of, tensors_of
from tabi.errors import ExplanationError
from tabi.explain import Explainer, Explanation
from tabi.training.catalog import preset_of

CATEGORIES = ("a", "b", "c", "d")
CONTRACT = Contract(
    "t",
    (
        NumericColumn("x"),
        CategoricalColumn("k", CATEGORIES),
        NumericColumn("z"),
        CategoricalColumn("m", CATEGORIES[:2]),
    ),
    Target("y", ("no", "yes")),
)
SMALL: dict[str, dict[str, Any]] = {
    "native": {"max_iter": 5, "min_samples_leaf": 4},
    "onehot": {"max_iter": 5, "min_samples_leaf": 4},
    "logistic": {},
    "forest": {"n_estimators": 5},
    "extra_trees": {"n_estimators": 5},
    "gradient_boosting": {"n_estimators": 5},
}


def frame(seed: int, rows: int = 120) -> tuple[pd.DataFrame, np.ndarray]:
    """Rows of which a tenth of the cells is missing, and their classes."""
    random = np.random.default_rng(seed)
    numeric = random.normal(size=(rows, 2))
    texts = np.column_stack([random.choice(CATEGORIES, rows), random.choice(CATEGORIES[:2], rows)]).astype(object)
    score = numeric[:, 0] - numeric[:, 1] + (texts[:, 0] == "b") + random.normal(size=rows)
    numeric[random.random(numeric.shape) < 0.1] = np.nan
    texts[random.random(texts.shape) < 0.1] = ""
    y = (score > 0).astype(np.int8)
    y[:2] = 0, 1
    return frame_of(Tensors(numeric, texts), CONTRACT), y


def fitted(preset: str, X: pd.DataFrame, y: np.ndarray, calibration: str | None = None) -> Pipeline:
    found = preset_of(preset)
    clf: Any = found.estimator(CONTRACT).set_params(**SMALL[preset])
    if "random_state" in clf.get_params():
        clf.set_params(random_state=0)
    if calibration:
        clf = CalibratedClassifierCV(clf, method=calibration, cv=3, ensemble=False)
    with threadpool_limits(1):
        return Pipeline([("prep", found.prepare(CONTRACT)), ("clf", clf)]).fit(X, y)


def explained(pipeline: Pipeline, X: pd.DataFrame) -> tuple[Explainer, Session, bytes]:
    with threadpool_limits(1):
        compiled = compile_pipeline(pipeline, CONTRACT)
        document = explanation_of(pipeline, compiled, CONTRACT, X, tensors_of(X, CONTRACT), 0)
    return Explainer.of_bundle(document, CONTRACT), Session(compiled.model), document


cells = st.one_of(st.floats(-1e6, 1e6), st.just(np.nan))
texts = st.sampled_from([*CATEGORIES, "", "unseen", "旅"])


@pytest.mark.parametrize("calibration", [None, "sigmoid"])
@pytest.mark.parametrize("preset", SMALL)
def test_explanations_of_any_row_add_up_to_the_served_answer(preset: str, calibration: str | None) -> None:
    X, y = frame(1)
    explainer, session, _ = explained(fitted(preset, X, y, calibration), X)

    @settings(max_examples=30, deadline=None)
    @given(rows=st.lists(st.tuples(cells, texts, cells, texts), min_size=1, max_size=5))
    def holds(rows: list[tuple[float, str, float, str]]) -> None:
        numeric = np.array([[row[0], row[2]] for row in rows])
        words = np.array([[row[1], row[3]] for row in rows], dtype=object)
        answers = session.run(Tensors(numeric, words))[0]
        found = explainer.explain(Tensors(numeric, words), answers)
        assert found.contributions.shape == (len(rows), 1, 4)
        score = found.base + found.contributions.sum(axis=2)
        given = score if found.link == "identity" else np.exp(-np.logaddexp(0, -score))
        assert given[:, 0] == pytest.approx(answers, abs=1e-9)
        alone = explainer.explain(Tensors(numeric[:1], words[:1]), answers[:1])
        assert np.array_equal(alone.contributions, found.contributions[:1])

    holds()


def test_a_linear_contribution_is_the_distance_from_the_mean_row() -> None:
    X, y = frame(2)
    pipeline = fitted("logistic", X, y)
    explainer, session, _ = explained(pipeline, X)
    tensors = tensors_of(X, CONTRACT)
    found = explainer.explain(tensors, session.run(tensors)[0])
    encoded = pipeline[:-1].transform(X)
    weights = pipeline[-1].coef_[0]
    parts = weights * (encoded - encoded.mean(axis=0))
    # x, z, then four categories of k and two of m
    assert found.contributions[:, 0, 0] == pytest.approx(parts[:, 0], abs=1e-12)
    assert found.contributions[:, 0, 2] == pytest.approx(parts[:, 1], abs=1e-12)
    assert found.contributions[:, 0, 1] == pytest.approx(parts[:, 2:6].sum(axis=1), abs=1e-12)
    assert found.contributions[:, 0, 3] == pytest.approx(parts[:, 6:].sum(axis=1), abs=1e-12)
    assert found.contributions.mean(axis=0) == pytest.approx(0, abs=1e-12)


def test_a_column_that_no_tree_asks_about_contributes_nothing() -> None:
    X, y = frame(3)
    explainer, session, _ = explained(fitted("native", X.assign(z=0.0), y), X.assign(z=0.0))
    tensors = tensors_of(X, CONTRACT)
    assert not explainer.explain(tensors, session.run(tensors)[0]).contributions[:, 0, 2].any()


def test_a_boosting_by_exponential_loss_is_explained_in_log_odds() -> None:
    X, y = frame(4)
    pipeline = fitted("gradient_boosting", X, y)
    clf = GradientBoostingClassifier(loss="exponential", n_estimators=5, random_state=0)
    pipeline = Pipeline([pipeline.steps[0], ("clf", clf)]).fit(X, y)
    explainer, session, _ = explained(pipeline, X)
    tensors = tensors_of(X, CONTRACT)
    found = explainer.explain(tensors, session.run(tensors)[0])
    assert found.score[:, 0] == pytest.approx(2 * pipeline.decision_function(X), abs=1e-9)


def test_what_has_no_exact_explanation_is_refused_by_name() -> None:
    X, y = frame(5)
    with pytest.raises(ExplanationError, match="isotonic steps have no exact explanation"):
        explained(fitted("native", X, y, "isotonic"), X)
    filled = X.fillna({"x": 0.0, "z": 0.0})
    scaled = ColumnTransformer([("x", StandardScaler(), ["x", "z"])])
    clf = GradientBoostingClassifier(n_estimators=2)
    with pytest.raises(ExplanationError, match="step 'mix': PCA mixes columns"):
        explained(Pipeline([("some", scaled), ("mix", PCA()), ("clf", clf)]).fit(filled, y), filled)


def test_a_document_that_would_be_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = frame(6)
    pipeline = fitted("forest", X, y)
    monkeypatch.setattr(layout, "JSON_LIMIT", 1000)
    with pytest.raises(ExplanationError, match="fewer or smaller trees"):
        explained(pipeline, X)


def test_a_pipeline_of_other_numbers_is_not_proved() -> None:
    X, y = frame(7)
    one, other = fitted("native", X, y), fitted("native", X, 1 - y)
    compiled = compile_pipeline(other, CONTRACT)
    with pytest.raises(ExplanationError, match="do not add up"):
        explanation_of(one, compiled, CONTRACT, X, tensors_of(X, CONTRACT), 0)


def test_the_document_is_read_as_it_was_written() -> None:
    X, y = frame(8)
    _, _, document = explained(fitted("native", X, y), X)
    found = Explanation.from_json(document)
    assert found.to_json() == document
    assert found.link == "logit"


@pytest.mark.parametrize("calibrated", [False, True])
def test_each_class_of_several_is_explained_as_it_is_served(calibrated: bool) -> None:
    X, _ = frame(9)
    several = msgspec.structs.replace(CONTRACT, target=Target("y", ("p", "q", "r"), "multiclass"))
    y = np.random.default_rng(9).integers(0, 3, len(X))
    clf: Any = preset_of("native").estimator(several).set_params(**SMALL["native"])
    if calibrated:
        clf = CalibratedClassifierCV(clf, cv=3, ensemble=False)
    with threadpool_limits(1):
        pipeline = Pipeline([("prep", preset_of("native").prepare(several)), ("clf", clf)]).fit(X, y)
        compiled = compile_pipeline(pipeline, several)
        tensors = tensors_of(X, several)
        if calibrated:
            with pytest.raises(ExplanationError, match="of two classes"):
                explanation_of(pipeline, compiled, several, X, tensors, 0)
            return
        explainer = Explainer.of_bundle(explanation_of(pipeline, compiled, several, X, tensors, 0), several)
        decision = pipeline.decision_function(X)
    found = explainer.explain(tensors, Session(compiled.model).predict(tensors))
    assert found.contributions.shape == (len(X), 3, 4)
    assert found.score == pytest.approx(decision, abs=1e-9)


def test_a_value_is_explained_as_it_is_served() -> None:
    X, _ = frame(10)
    number = msgspec.structs.replace(CONTRACT, target=Target("y", (), "regression"))
    y = np.random.default_rng(10).normal(1e6, 10, len(X))
    with threadpool_limits(1):
        pipeline = Pipeline([("prep", preset_of("onehot").prepare(number)), ("reg", Ridge())]).fit(X, y)
        compiled = compile_pipeline(pipeline, number)
        tensors = tensors_of(X, number)
        explainer = Explainer.of_bundle(explanation_of(pipeline, compiled, number, X, tensors, 0), number)
    found = explainer.explain(tensors, Session(compiled.model).predict(tensors))
    assert found.base == pytest.approx([pipeline.predict(X).mean()])
    assert found.score[:, 0] == pytest.approx(pipeline.predict(X), rel=1e-12)


def test_texts_are_explained_and_rows_without_an_answer_are_no_fault_of_the_explanation() -> None:
    said = Contract("t", (NumericColumn("x"), TextColumn("s")), Target("y", ("no", "yes")))
    random = np.random.default_rng(11)
    words = random.choice(["printer broken", "cannot log in", "東京 プリンタ 故障"], (80, 1)).astype(object)
    tensors = Tensors(random.normal(size=(80, 1)), words)
    X, y = frame_of(tensors, said), (words[:, 0] == "cannot log in").astype(int)
    parts = [("s", TfidfVectorizer(analyzer="char", ngram_range=(1, 2)), "s"), ("x", "passthrough", ["x"])]
    # a missing x has no answer in this pipeline
    pipeline = Pipeline([("prep", ColumnTransformer(parts)), ("clf", LogisticRegression())]).fit(X, y)
    compiled = compile_pipeline(pipeline, said)
    explainer = Explainer.of_bundle(explanation_of(pipeline, compiled, said, X, tensors, 0), said)
    found = explainer.explain(tensors, Session(compiled.model).predict(tensors))
    assert found.score[:, 0] == pytest.approx(pipeline.decision_function(X), abs=1e-9)
    assert np.abs(found.contributions[:, 0, 1]).min() > np.abs(found.contributions[:, 0, 0]).max()
