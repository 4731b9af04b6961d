"""The reports of a run: of each task, over real fitted pipelines, beside figures that are known."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.inspection import permutation_importance
from sklearn.metrics import brier_score_loss
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline

from tabi.contract import (
    CategoricalColumn,
    Contract,
    NumericColumn,
    NumericReference,
    Target,
    Tensors,
)
from tabi.contract.document import Task
from tabi.data import frame_of
from tabi.errors import TrainingError
from tabi.training.preparation import native_preparation, onehot_preparation
from tabi.training.reports import Rows, Subject, write_reports
from tabi.training.reports.calibration import calibration_report, measured
from tabi.training.reports.contributions import contributions_report
from tabi.training.reports.importance import importance_report
from tabi.training.reports.learning import learning_report, nested_order
from tabi.training.reports.pictures import save_figure
from tabi.training.reports.slices import slices_report, wilson
from tabi.training.reports.subject import answers_of, score_of
from tabi.training.reports.thresholds import thresholds_report

EDGES = (-1.0, 0.0, 1.0)
COLUMNS = (
    NumericColumn("x", reference=NumericReference(EDGES, (1, 1, 1, 1), 0)),
    CategoricalColumn("$k", ("a", "b")),
    NumericColumn("noise", reference=NumericReference(EDGES, (1, 1, 1, 1), 0)),
)
TARGETS: dict[Task, Target] = {
    "binary": Target("y", ("no", "yes")),
    "multiclass": Target("y", ("p", "q", "r"), "multiclass"),
    "regression": Target("y", (), "regression"),
}


def rows(task: Task, count: int, seed: int) -> Rows:
    """Rows of which `$k = b` and `x > 1` are pure noise, so a model is wrong there."""
    random = np.random.default_rng(seed)
    numeric = random.normal(size=(count, 2))
    texts = random.choice(["a", "b"], (count, 1), p=[0.7, 0.3]).astype(object)
    signal = np.where((texts[:, 0] == "b") & (numeric[:, 0] > 1), random.normal(0, 3, count), numeric[:, 0])
    texts[random.random((count, 1)) < 0.1] = ""
    y: npt.NDArray[Any] = signal
    if task == "binary":
        y = (signal > 0).astype(np.int8)
    if task == "multiclass":
        y = np.digitize(signal, [-0.5, 0.5])
    return Rows(frame_of(Tensors(numeric, texts), contract(task)), y)


def contract(task: Task) -> Contract:
    return Contract("t", COLUMNS, TARGETS[task])


def fit(task: Task, X: pd.DataFrame, y: npt.NDArray[Any]) -> Pipeline:
    kind = HistGradientBoostingRegressor if task == "regression" else HistGradientBoostingClassifier
    clf = kind(categorical_features=[2], max_iter=15, min_samples_leaf=5, random_state=0)
    return Pipeline([("prep", native_preparation(contract(task))), ("clf", clf)]).fit(X, y)


@cache
def subject(task: Task) -> Subject:
    training, test = rows(task, 600, 1), rows(task, 800, 2)
    pipeline = fit(task, *training)
    half = fit(task, training.X[:300], training.y[:300])
    return Subject(
        contract(task),
        pipeline,
        training,
        test,
        answers_of(pipeline, test.X, task),
        lambda X, y: fit(task, X, y),
        0.4 if task == "binary" else None,
        answers_of(half, training.X, task),
    )


TASKS: tuple[Task, ...] = ("binary", "multiclass", "regression")


@pytest.mark.parametrize("task", TASKS)
def test_every_report_of_a_task_is_written(task: Task, tmp_path: Path) -> None:
    written = write_reports(tmp_path, subject(task))
    names = {path.stem for path in written}
    assert {"contributions", "learning_curve", "permutation_importance", "slices"} <= names
    assert ("calibration" in names) == (task != "regression")
    assert ("thresholds" in names) == (task == "binary")
    assert {path.suffix for path in written} == {".json", ".png"}
    for path in written:
        if path.suffix == ".json":
            # a number that is none would be no JSON
            json.loads(path.read_text(), parse_constant=pytest.fail)


def test_the_same_figures_give_the_same_bytes(tmp_path: Path) -> None:
    content, figure = slices_report(subject("binary"))
    again, _ = slices_report(subject("binary"))
    assert again == content
    ways = [tmp_path / "1.png", tmp_path / "2.png"]
    for way in ways:
        save_figure(way, figure)
    assert ways[0].read_bytes() == ways[1].read_bytes()


@pytest.mark.parametrize("task", TASKS)
def test_the_worst_slice_is_the_one_that_is_noise(task: Task) -> None:
    content, _ = slices_report(subject(task))
    assert content["pairs"][0]["slice"] in {"x > 1 and $k = b", "$k = b and x > 1"}
    for each in [*content["slices"], *content["pairs"]]:
        assert content["overall"] < each["low"] <= each["error"] <= each["high"]
        assert each["rows"] >= content["least_rows"]


def test_a_slice_has_the_rows_and_the_errors_of_its_values() -> None:
    found = subject("binary")
    content, _ = slices_report(found)
    wrong = (found.prediction >= 0.4) != (found.test.y == 1)
    chosen = (found.test.X["x"] > 1).to_numpy() & (found.test.X["$k"] == "b").to_numpy()
    assert content["pairs"][0]["rows"] == chosen.sum()
    assert content["pairs"][0]["error"] == pytest.approx(wrong[chosen].mean())
    assert content["overall"] == pytest.approx(wrong.mean())


@settings(max_examples=100, deadline=None)
@given(count=st.integers(1, 500), share=st.floats(0, 1))
def test_wilsons_interval_holds_the_shares_that_a_test_would_not_reject(count: int, share: float) -> None:
    wrong = round(share * count)
    (low,), (high,) = wilson(np.array([float(wrong)]), np.array([float(count)]))
    assert -1e-12 <= low <= wrong / count + 1e-12
    assert wrong / count - 1e-12 <= high <= 1 + 1e-12
    # where no row is wrong, or every one, that end of the interval is the share itself, and has no statistic
    inner = [end for end, edge in ((low, 0), (high, count)) if wrong != edge]
    assert wrong not in (0, count) or pytest.approx(wrong / count, abs=1e-12) in (low, high)
    for end in inner:
        # the score test's statistic at an end of its interval
        spread = np.sqrt(end * (1 - end) / count)
        assert abs(wrong / count - end) / spread == pytest.approx(1.96, rel=1e-6)


def test_rare_slices_are_not_told() -> None:
    found = subject("binary")
    few = found.test.X.copy()
    few.loc[few.index[:10], "$k"] = "unseen"
    content, _ = slices_report(replace(found, test=Rows(few, found.test.y)))
    assert not any("another category" in each["slice"] for each in [*content["slices"], *content["pairs"]])


def test_calibration_is_measured_before_and_after() -> None:
    found = subject("binary")
    content, _ = calibration_report(found)
    assert content["calibrated"] == "none"
    assert content["before"]["brier"] == pytest.approx(brier_score_loss(found.test.y, found.prediction))
    assert set(content) >= {"before", "sigmoid", "isotonic"}
    clf = CalibratedClassifierCV(found.pipeline[-1], method="sigmoid", cv=3, ensemble=False)
    pipeline = Pipeline([found.pipeline.steps[0], ("clf", clf)]).fit(*found.training)
    after = answers_of(pipeline, found.test.X, "binary")
    content, _ = calibration_report(replace(found, pipeline=pipeline, prediction=after))
    assert content["calibrated"] == "sigmoid"
    assert content["after"]["brier"] == pytest.approx(brier_score_loss(found.test.y, after))
    inner = pipeline[-1].calibrated_classifiers_[0].estimator
    raw = inner.predict_proba(pipeline[:-1].transform(found.test.X))[:, 1]
    assert content["before"]["brier"] == pytest.approx(brier_score_loss(found.test.y, raw))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), count=st.integers(5, 300))
def test_the_calibration_error_is_the_mean_gap_of_the_curve(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    probability = random.random(count).round(1)
    y = (random.random(count) < probability).astype(np.int8)
    found = measured(y, probability)
    assert sum(point["rows"] for point in found["curve"]) == count
    gaps = sum(point["rows"] * abs(point["observed"] - point["predicted"]) for point in found["curve"])
    assert found["ece"] == pytest.approx(gaps / count)
    assert measured(y, y.astype(float))["ece"] == 0


def test_importance_is_what_scikit_learn_measures() -> None:
    found = subject("binary")
    content, _ = importance_report(found)
    reference = permutation_importance(
        found.pipeline, found.test.X, found.test.y, scoring="roc_auc", n_repeats=3, random_state=1
    )
    ours = {each["column"]: each["loss"] for each in content["columns"]}
    for name, loss in zip(found.test.X.columns, reference.importances_mean, strict=True):
        assert ours[name] == pytest.approx(loss, abs=0.03), name
    assert content["score"] == pytest.approx(score_of("binary", found.test.y, found.prediction))
    assert content["columns"][0]["column"] == "x"


def test_contributions_of_a_model_that_cannot_be_explained_say_why() -> None:
    found = subject("binary")
    clf = MLPClassifier((3,), max_iter=500, early_stopping=True, random_state=0)
    pipeline = Pipeline([("prep", onehot_preparation(found.contract)), ("clf", clf)]).fit(*found.training)
    content, figure = contributions_report(replace(found, pipeline=pipeline))
    assert (content["explained"], figure) == (False, None)
    assert "MLPClassifier" in content["reason"]


def test_contributions_are_told_for_each_class() -> None:
    content, _ = contributions_report(subject("multiclass"))
    assert [score["of"] for score in content["scores"]] == ["p", "q", "r"]
    assert content["link"] == "softmax"
    assert content["scores"][0]["columns"][0]["column"] == "x"
    assert contributions_report(subject("regression"))[0]["scores"][0]["of"] == "y"


def test_the_learning_curve_ends_in_the_model_itself() -> None:
    found = subject("binary")
    content, _ = learning_report(found)
    assert [point["rows"] for point in content["points"]] == [37, 75, 150, 600]
    assert content["points"][-1]["test"] == pytest.approx(score_of("binary", found.test.y, found.prediction))


def failing(error: TrainingError) -> Callable[..., Any]:
    def learn(X: pd.DataFrame, y: npt.NDArray[Any]) -> Any:
        raise error

    return learn


def test_a_fit_that_fails_on_few_rows_is_left_out_and_the_end_of_time_is_not() -> None:
    failed = TrainingError("the fit failed")
    failed.__cause__ = ValueError()
    content, _ = learning_report(replace(subject("binary"), fit=failing(failed)))
    assert [point["rows"] for point in content["points"]] == [600]
    with pytest.raises(TrainingError, match="time is up"):
        learning_report(replace(subject("binary"), fit=failing(TrainingError("the time is up"))))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 100), counts=st.lists(st.integers(3, 60), min_size=1, max_size=4), part=st.floats(0.1, 1))
def test_every_beginning_of_the_nested_order_has_the_classes_in_proportion(
    seed: int, counts: list[int], part: float
) -> None:
    y = np.repeat(np.arange(len(counts)), counts)
    order = nested_order(True, y, seed)
    assert sorted(order.tolist()) == list(range(len(y)))
    size = round(part * len(y))
    for label, count in enumerate(counts):
        assert abs((y[order[:size]] == label).sum() - size * count / len(y)) <= 1 + len(counts)


def test_other_thresholds_reach_what_they_state_on_the_rows_that_chose_them() -> None:
    found = subject("binary")
    content, _ = thresholds_report(found)
    assert found.out_of_fold is not None
    assert content["chosen"]["threshold"] == 0.4
    by_name = {(each["criterion"], each["stated"]): each for each in content["others"]}
    for stated in (0.8, 0.9, 0.95):
        threshold = by_name["recall", stated]["threshold"]
        decided = found.out_of_fold >= threshold
        assert decided[found.training.y == 1].mean() >= stated
    assert {"f1", "cost", "recall", "precision"} == {each["criterion"] for each in content["others"]}


def test_predictions_that_are_missing_out_of_fold_are_left_out() -> None:
    found = subject("binary")
    assert found.out_of_fold is not None
    some = found.out_of_fold.copy()
    some[:100] = np.nan
    partly = replace(found, out_of_fold=some)
    assert np.isfinite(calibration_report(partly)[0]["isotonic"]["ece"])
    assert thresholds_report(partly)[0]["others"][0]["threshold"] is not None


def test_names_in_any_script_can_be_drawn(tmp_path: Path) -> None:
    found = subject("binary")
    columns = (COLUMNS[0], CategoricalColumn("$k", ("a", "京都")), COLUMNS[2])
    renamed = Rows(found.test.X.replace({"$k": {"b": "京都"}}), found.test.y)
    named = replace(found, contract=msgspec.structs.replace(found.contract, columns=columns), test=renamed)
    # warnings are errors here
    write_reports(tmp_path, named)
    assert "京都" in (tmp_path / "slices.json").read_text(encoding="utf-8")
    assert (tmp_path / "slices.png").stat().st_size > 1000
