"""The road from rows to a released bundle, for several classes under a split by group and for numbers in time."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tabi import evidence
from tabi.bundle import Bundle
from tabi.bundle.session import Session
from tabi.contract import RowReader, Scalar
from tabi.data import load_table, tensors_of
from tabi.errors import ConfigError, GateError
from tabi.project import load_config
from tabi.registry.release import Released, release
from tabi.registry.reproduce import reproduce
from tabi.training.compare import compare_runs, table_of
from tabi.training.job import TrainedRun, result_line, train
from tabi.training.plan import cut_table
from tabi.training.report import report_table
from tabi.training.runs import load_run
from tabi.workspace import Workspace

# slow: real trainings, processes and kills
pytestmark = pytest.mark.system

PROJECTS = {
    "fruit": "target: kind\nsplit: {kind: group, column: farm}\ndrop: [farm]\ngates: {auc_minimum: 0.7}\n",
    "price": "target: price\nsplit: {kind: time, column: sold}\ndrop: [sold]\ngates: {r2_minimum: 0.5}\n",
}
QUICK = "search: {jobs: 1, folds: 3, space: {max_iter: [10], max_leaf_nodes: [5]}}\n"


class Said:
    """Keeps the lines of a training."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def stage(self, text: str) -> None:
        self.lines.append(text)

    def step(self, done: int, total: int, best: float) -> None:
        """Nothing."""


@dataclass(frozen=True)
class Road:
    workspace: Workspace
    runs: dict[str, TrainedRun]
    said: dict[str, list[str]]
    released: dict[str, Released]


@pytest.fixture(scope="module")
def road(tmp_path_factory: pytest.TempPathFactory) -> Road:
    workspace = Workspace.find(tmp_path_factory.mktemp("road"), {})
    write_rows(workspace.root)
    runs, said, released = {}, {}, {}
    for name, text in PROJECTS.items():
        folder = workspace.projects / name
        folder.mkdir(parents=True)
        (folder / "config.yaml").write_text(f"source: csv:{name}.csv\n{text}{QUICK}", encoding="utf-8")
        heard = Said()
        runs[name] = train(workspace, load_config(workspace, name), heard)
        said[name] = heard.lines
        released[name] = release(workspace, name)
    return Road(workspace, runs, said, released)


def write_rows(root: Path) -> None:
    random = np.random.default_rng(0)
    rows = 600
    size, colour = random.normal(size=rows), random.choice(["red", "緑", "blue"], rows)
    kind = np.where(colour == "red", "apple", np.where(size > 0, "melon", "plum"))
    kind = np.where(random.random(rows) < 0.1, "plum", kind)
    fruit = pd.DataFrame({"size": size, "colour": colour, "farm": random.integers(0, 30, rows), "kind": kind})
    fruit.loc[random.random(rows) < 0.1, "size"] = np.nan
    fruit.to_csv(root / "fruit.csv", index=False)
    sold = pd.date_range("2024-01-01", periods=rows, freq="D").strftime("%Y-%m-%d")
    price = 1000 * (3 + size + (colour == "red") + 0.3 * random.normal(size=rows))
    table = pd.DataFrame({"sold": sold, "size": size, "colour": colour, "price": price})
    table.sample(frac=1.0, random_state=0).to_csv(root / "price.csv", index=False)


def test_a_training_says_its_task_and_how_to_overrule_it(road: Road) -> None:
    assert "task multiclass: 'kind' is one of 3 classes, inferred from its values" in road.said["fruit"][1]
    assert "task=binary or task=multiclass overrules it" in road.said["price"][1]
    assert not any("AUC" in line for line in road.said["price"])


def test_the_result_line_and_the_report_have_the_figures_of_the_task(road: Road) -> None:
    assert result_line(road.runs["fruit"]).startswith("[RESULT] ds=csv_fruit mode=full AUC=0.")
    assert " ACC=0." in result_line(road.runs["fruit"])
    assert result_line(road.runs["price"]).startswith("[RESULT] ds=csv_price mode=full R2=0.")
    assert " RMSE=" in result_line(road.runs["price"])
    head, _, fruit, price, *_ = report_table(road.workspace).splitlines()
    assert head == "| dataset | mode | AUC | ACC | R2 | RMSE | best | elapsed [s] |"
    assert fruit.startswith(f"| csv_fruit | full | {road.runs['fruit'].metrics['auc']:.4f} | ")
    assert price.startswith(f"| csv_price | full |  |  | {road.runs['price'].metrics['r2']:.4f} | ")


def test_metrics_summary_and_scores_are_those_of_the_task(road: Road) -> None:
    fruit, price = road.runs["fruit"].metrics, road.runs["price"].metrics
    assert {"auc", "acc", "log_loss", "f1_macro", "recall_class_0", "recall_class_2", "search_auc"} <= set(fruit)
    assert {"r2", "rmse", "mae", "within_10_percent", "search_r2"} <= set(price)
    assert not any("threshold" in name for name in {**fruit, **price})
    summary = json.loads((road.workspace.artifacts / "summary_csv_price.json").read_bytes())
    assert summary["r2"] == price["r2"]
    assert "threshold" not in summary
    header = (road.workspace.artifacts / "cv_results_csv_price.csv").read_text().splitlines()[0]
    assert "mean_r2,r2_fold_0,r2_fold_1,r2_fold_2,cost_us" in header
    *_, record = evidence.read(road.workspace.evidence, "training")
    assert (record.figures["r2"], record.figures["rmse"]) == (price["r2"], price["rmse"])
    lines = list(table_of(compare_runs(road.workspace, "fruit", "price")))
    assert any(line.split()[:2] == ["r2", "-"] for line in lines)


@pytest.mark.parametrize(
    ("name", "pictures"),
    [("fruit", {"confusion_matrix.png"}), ("price", {"predicted_against_true.png", "residuals.png"})],
)
def test_a_bundle_has_the_documents_of_its_task(road: Road, name: str, pictures: set[str]) -> None:
    bundle = Bundle.open(road.released[name].folder)
    paths = {entry.path for entry in bundle.manifest.files}
    assert "threshold.json" not in paths
    assert {f"reports/{picture}" for picture in pictures} <= paths
    assert not {"reports/roc.png", "reports/calibration.png"} & paths or name == "fruit"
    card = bundle.document("MODEL_CARD.md").decode()
    says = {"fruit": "each value of `kind`: `apple`, `melon`, `plum`.", "price": "Gives the number `price`."}
    assert says[name] in card
    assert "Decided at" not in card
    assert ("| recall, `melon` |" in card) is (name == "fruit")


@pytest.mark.parametrize(("name", "score"), [("fruit", "auc"), ("price", "r2")])
def test_the_gate_of_the_task_passed_and_the_proof_holds_on_the_rule_s_test_rows(
    road: Road, name: str, score: str
) -> None:
    released = road.released[name]
    verdicts = {v.gate: v for v in released.verdicts}
    assert verdicts["parity"].verdict == verdicts["metrics"].verdict == "pass"
    assert verdicts["metrics"].figures[score] == road.runs[name].metrics[score]
    run = load_run(road.workspace, name)
    table = load_table(road.workspace, run.config)
    rows = cut_table(table, run.config.split)
    assert released.parity.kinds["test"].rows == len(rows.test)
    assert released.parity.max_abs_diff < 1e-9
    spread = json.loads(Bundle.open(released.folder).document("parity.json")).get("spread")
    assert spread == (float(np.std(table.y[rows.train])) if name == "price" else None)
    assert table.by is not None
    learnt, tested = table.by.iloc[rows.train], table.by.iloc[rows.test]
    assert max(learnt) < min(tested) if name == "price" else not set(learnt) & set(tested)


@pytest.mark.parametrize("name", list(PROJECTS))
def test_the_released_graph_answers_rows_as_the_pipeline_does(road: Road, name: str) -> None:
    bundle = Bundle.open(road.released[name].folder)
    run, session = load_run(road.workspace, name), Session(bundle.graph_bytes())
    table = load_table(road.workspace, run.config)
    answers = session.predict(tensors_of(table.X, bundle.contract()))
    expected: Any = run.pipeline.predict_proba(table.X) if name == "fruit" else run.pipeline.predict(table.X)
    np.testing.assert_allclose(answers, expected, rtol=1e-9, atol=1e-9)
    row: dict[str, Scalar] = {"size": 1.5, "colour": "red"}
    tensors, faults = RowReader(bundle.contract()).read([row, {}])
    assert not faults
    answers = session.predict(tensors)
    if name == "fruit":
        assert answers[0].argmax() == bundle.contract().target.classes.index("apple")
        np.testing.assert_allclose(answers.sum(axis=1), 1.0)
    else:
        assert 4000 < answers[0] < 7000


@pytest.mark.parametrize("name", list(PROJECTS))
def test_a_bundle_of_any_task_is_rebuilt_to_the_last_bit(road: Road, name: str) -> None:
    found = reproduce(road.workspace, name)
    assert found.equal
    assert found.bundle == road.released[name].bundle


def test_a_model_of_numbers_below_its_minimum_is_not_released(road: Road) -> None:
    train(road.workspace, load_config(road.workspace, "price", ["gates.r2_minimum=0.999"]))
    with pytest.raises(GateError, match=r"gate metrics: r2 0\.\d+ on the test set is below gates\.r2_minimum 0\.9990"):
        release(road.workspace, "price")


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("split.column=nothing", "split.column 'nothing' is no column of the rows"),
        ("split.column=price", "split.column 'price' is no column of the rows beside the target"),
        ("preset=logistic", "preset 'logistic' does not fit a regression target"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_learnt(road: Road, override: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        train(road.workspace, load_config(road.workspace, "price", [override]))
