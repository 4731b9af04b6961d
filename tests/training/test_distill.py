"""A student learns a teacher's probabilities, and no teacher may know the rows that test the student."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline

from tabi.bundle import Bundle
from tabi.errors import ConfigError
from tabi.project import ProjectConfig, load_config
from tabi.registry.release import release
from tabi.store import Store
from tabi.training.distill import duplicates, taught
from tabi.training.job import train
from tabi.training.runs import load_run
from tabi.workspace import Workspace

STUDENT = ("preset=logistic", "search.mode=fast", "search.jobs=1", "search.space={C: [0.1]}")
WriteProject = Callable[..., None]


@given(st.integers(1, 9), st.integers(0, 99), st.sampled_from([2, 3, 5]))
def test_the_weights_of_a_row_are_the_teacher_s_probabilities(rows: int, seed: int, classes: int) -> None:
    probabilities = np.random.default_rng(seed).dirichlet(np.full(classes, 0.3), rows)
    chosen, labels, weights = duplicates(probabilities)
    back = np.zeros_like(probabilities)
    back[chosen, labels] = weights
    np.testing.assert_allclose(back, probabilities, rtol=0, atol=1e-6)
    assert (weights > 0).all()


def test_of_two_classes_the_positive_one_s_probability_says_both() -> None:
    chosen, labels, weights = duplicates(np.array([0.25, 1.0]))
    assert (chosen.tolist(), labels.tolist(), weights.tolist()) == ([0, 0, 1], [0, 1, 1], [0.75, 0.25, 1.0])


def test_the_student_s_loss_is_the_cross_entropy_to_the_teacher() -> None:
    random = np.random.default_rng(3)
    X, y = random.normal(size=(60, 2)), random.integers(0, 3, 60)
    lesson = random.dirichlet(np.ones(3), 60)
    student = taught(Pipeline([("clf", LogisticRegression(C=1e6, tol=1e-10, max_iter=5000))]), X, y, lesson)
    # at the least cross-entropy its gradient, the mean of (student - teacher) x, is nothing
    gradient = (student.predict_proba(X) - lesson).T @ np.column_stack([X, np.ones(60)]) / 60
    np.testing.assert_allclose(gradient, 0.0, atol=1e-4)


def test_a_certain_teacher_teaches_the_labels() -> None:
    X, y = np.arange(8.0)[:, None], np.array([0, 1] * 4, dtype=np.int8)
    student = taught(Pipeline([("clf", GaussianNB())]), X, y, y.astype(np.float64))
    np.testing.assert_array_equal(student.predict_proba(X), GaussianNB().fit(X, y).predict_proba(X))


def test_the_steps_before_the_last_see_each_row_once() -> None:
    texts, y = ["late parcel", "late invoice", "wrong invoice", "parcel"], np.array([0, 1, 1, 0])
    student = taught(make_pipeline(TfidfVectorizer(min_df=2), LogisticRegression()), texts, y, np.full(4, 0.5))
    np.testing.assert_array_equal(student[0].idf_, TfidfVectorizer(min_df=2).fit(texts).idf_)


def test_numbers_are_learnt_as_the_teacher_gives_them() -> None:
    X = np.arange(6.0)[:, None]
    student = taught(Pipeline([("clf", LinearRegression())]), X, np.zeros(6), 3 * X[:, 0] + 1)
    np.testing.assert_allclose(student.predict(X), 3 * X[:, 0] + 1)


def test_an_estimator_without_weights_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="KNeighborsClassifier takes no weights of rows"):
        taught(Pipeline([("clf", KNeighborsClassifier())]), np.zeros((4, 1)), np.array([0, 1, 0, 1]), np.full(4, 0.5))


@dataclass(frozen=True)
class School:
    """A workspace in which a teacher of breast_cancer was trained and released."""

    workspace: Workspace
    bundle: str
    metrics: dict[str, float]

    def config(self, *overrides: str) -> ProjectConfig:
        return load_config(self.workspace, "breast_cancer", [*STUDENT, *overrides])


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> School:
    workspace = Workspace.find(tmp_path_factory.mktemp("school"), environ={})
    folder = workspace.projects / "breast_cancer"
    folder.mkdir(parents=True)
    content = "source: builtin:breast_cancer\ntarget: target\npositive: malignant\n"
    (folder / "config.yaml").write_text(content, encoding="utf-8")
    space = "search.space={max_iter: [20], learning_rate: [0.2]}"
    trained = train(workspace, load_config(workspace, "breast_cancer", ["search.jobs=1", space]))
    return School(workspace, release(workspace, "breast_cancer").bundle, trained.metrics)


@pytest.mark.system
def test_a_student_is_trained_on_a_released_teacher_and_says_so(school: School) -> None:
    student = train(school.workspace, school.config("distill.teacher=breast_cancer"))
    run = load_run(school.workspace, "breast_cancer", student.run_id)
    assert run.teacher == school.bundle
    # the name alone would mean the student itself once that is released
    assert run.config.distill.teacher == f"breast_cancer:{school.bundle}"
    assert run.metrics["teacher_auc"] == pytest.approx(school.metrics["auc"], abs=1e-12)
    alone = load_run(school.workspace, "breast_cancer", train(school.workspace, school.config()).run_id)
    assert not np.array_equal(run.pipeline[-1].coef_, alone.pipeline[-1].coef_)
    assert run.metrics["auc"] > 0.97


@pytest.mark.system
@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("split.seed=7", r"it learnt from \d+ of the 114 rows that test this model"),
        ("split.test_size=0.3", r"it learnt from \d+ of the 171 rows"),
        ("positive=benign", "predicts another target"),
        ("calibration.method=sigmoid", r"leave calibration\.method at none"),
        ("evaluation.repeats=2", r"set evaluation\.repeats=0"),
    ],
)
def test_a_teacher_that_may_not_teach_is_refused(school: School, override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        train(school.workspace, school.config("distill.teacher=breast_cancer", override))


@pytest.mark.system
def test_a_teacher_of_other_rows_is_refused(school: School, write_project: WriteProject) -> None:
    from sklearn.datasets import load_breast_cancer

    table = load_breast_cancer(as_frame=True)
    rows = table.frame.assign(target=[table.target_names[i] for i in table.target]).iloc[:400]
    rows.to_csv(school.workspace.root / "rows.csv", index=False)
    write_project(school.workspace.root, "fewer", "source: csv:rows.csv\ntarget: target\npositive: malignant\n")
    config = load_config(school.workspace, "fewer", [*STUDENT, "distill.teacher=breast_cancer"])
    with pytest.raises(ConfigError, match="learnt from another snapshot"):
        train(school.workspace, config)


@pytest.mark.system
def test_a_teacher_whose_run_is_not_known_is_refused(school: School, tmp_path: Any) -> None:
    away = Workspace.find(tmp_path, environ={})
    (away.projects / "breast_cancer").mkdir(parents=True)
    source = school.workspace.projects / "breast_cancer" / "config.yaml"
    (away.projects / "breast_cancer" / "config.yaml").write_bytes(source.read_bytes())
    folder = Store(school.workspace.store).open_path("breast_cancer", school.bundle)
    assert Bundle.open(folder).id == school.bundle
    config = load_config(away, "breast_cancer", [*STUDENT, f"distill.teacher={folder}"])
    with pytest.raises(ConfigError, match="its run is not tracked here"):
        train(away, config)
