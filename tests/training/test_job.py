import json
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tabi import evidence
from tabi.errors import DataError, NotFoundError, TrainingError
from tabi.project import config_from_yaml, load_config
from tabi.training.environment import environment_lock, lock_digest
from tabi.training.job import TrainedRun, plain, result_line, train
from tabi.training.runs import load_run
from tabi.training.tracking import hyperparameters, tracking_client

# of a binary task
REPORTS = ("calibration", "contributions", "learning_curve", "permutation_importance", "slices", "thresholds")


def test_two_runs_of_the_same_rows_and_seed_agree_to_the_last_digit(trained: Any) -> None:
    assert trained.run.run_id != trained.again.run_id
    assert trained.run.metrics == trained.again.metrics
    assert trained.run.threshold == trained.again.threshold
    first, again = (load_run(trained.workspace, "breast_cancer", r.run_id) for r in (trained.run, trained.again))
    for name in ("roc", "precision_recall", *REPORTS):
        picture = (first.artifacts / "reports" / f"{name}.png").read_bytes()
        assert picture.startswith(b"\x89PNG")
        assert picture == (again.artifacts / "reports" / f"{name}.png").read_bytes()


def test_the_latest_run_is_read_back_as_it_was_trained(trained: Any) -> None:
    run = load_run(trained.workspace, "breast_cancer")
    assert run.run_id == trained.again.run_id
    assert run.metrics == trained.run.metrics
    assert run.threshold == trained.run.threshold
    assert run.config == trained.config
    assert run.contract.target.positive == "malignant"
    assert run.environment_digest == lock_digest(run.environment_lock)
    assert run.environment_lock == environment_lock()
    assert re.search(r"^scikit-learn==\d", run.environment_lock, re.MULTILINE)
    rows = pd.DataFrame({c.name: [np.nan, 1.0] for c in run.contract.columns})
    assert run.pipeline.predict_proba(rows).shape == (2, 2)


def test_the_tracked_run_holds_parameters_metrics_inputs_and_every_artifact(trained: Any) -> None:
    client = tracking_client(trained.workspace)
    found = client.get_run(trained.run.run_id)
    loaded = load_run(trained.workspace, "breast_cancer", trained.run.run_id)
    assert found.info.status == "FINISHED"
    expected = {name: str(value) for name, value in hyperparameters(loaded.pipeline).items()}
    common = {"preset": "native", "mode": "fast", "seed": "42", "ds": "builtin_breast_cancer"}
    assert found.data.params == {**expected, **common}
    assert {"clf__learning_rate", "clf__min_samples_leaf", "clf__l2_regularization"} <= set(expected)
    assert trained.run.metrics.items() <= found.data.metrics.items()
    assert found.data.tags["tabi.snapshot"] == loaded.snapshot_digest
    assert {p.relative_to(loaded.artifacts).as_posix() for p in loaded.artifacts.rglob("*") if p.is_file()} == {
        "config.yaml",
        "cv_results.csv",
        "environment.lock",
        "metrics.json",
        "pipeline.skops",
        *(f"reports/{name}.{kind}" for name in REPORTS for kind in ("json", "png")),
        "reports/front.json",
        "reports/front.png",
        "reports/precision_recall.png",
        "reports/roc.png",
        "schema.json",
        "threshold.json",
    }
    assert config_from_yaml((loaded.artifacts / "config.yaml").read_text()) == trained.config


def test_every_candidate_is_a_child_run_with_its_scores(trained: Any) -> None:
    client: Any = tracking_client(trained.workspace)
    experiment = client.get_experiment_by_name("breast_cancer").experiment_id
    children = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{trained.run.run_id}'")
    scores = pd.read_csv(
        trained.workspace.artifacts / "cv_results_builtin_breast_cancer.csv", float_precision="round_trip"
    )
    assert sorted(child.data.metrics["auc"] for child in children) == sorted(scores["mean_auc"])
    assert {child.data.params["clf__max_iter"] for child in children} == {"5", "10"}
    assert all(f"auc_fold_{fold}" in child.data.metrics for child in children for fold in range(5))


def test_summary_and_evidence_say_the_same_as_the_run(trained: Any) -> None:
    summary = json.loads((trained.workspace.artifacts / "summary_builtin_breast_cancer.json").read_bytes())
    *_, record = evidence.read(trained.workspace.evidence, "training")
    assert (record.subject, record.verdict) == ("breast_cancer", "pass")
    assert summary["run_id"] == record.inputs["run"] == trained.again.run_id
    assert summary["metrics"] == trained.again.metrics
    assert record.figures["auc"] == trained.again.metrics["auc"]
    assert record.figures["best"] == trained.again.best


def test_the_result_line_is_exact() -> None:
    best = {"clf__learning_rate": 0.1, "clf__max_depth": None}
    run = TrainedRun(
        "r", "adult", "openml_adult", "full", best, {"auc": 0.92534, "acc": 0.8718}, 0.5, 19.9, ("auc", "acc")
    )
    assert result_line(run) == (
        "[RESULT] ds=openml_adult mode=full AUC=0.9253 ACC=0.8718 "
        "best={'clf__learning_rate': 0.1, 'clf__max_depth': None} elapsed_sec=19"
    )


def test_numpy_s_numbers_print_plainly() -> None:
    assert str(plain({"a": np.float64(0.1), "b": np.int64(3), "c": None})) == "{'a': 0.1, 'b': 3, 'c': None}"


def test_what_was_never_trained_is_not_found_and_the_command_that_helps_is_named(trained: Any) -> None:
    with pytest.raises(NotFoundError, match=r"run `tabi train other` first"):
        load_run(trained.workspace, "other")
    with pytest.raises(NotFoundError, match="no finished run 'abc'"):
        load_run(trained.workspace, "breast_cancer", "abc")


def test_a_failed_training_leaves_a_failed_run_and_evidence_and_is_never_loaded(trained: Any) -> None:
    config = load_config(trained.workspace, "breast_cancer", ["search.space={learning_rate: [-1]}", "search.jobs=1"])
    config.name = "failing"
    with pytest.raises(TrainingError, match="learning_rate"):
        train(trained.workspace, config)
    client: Any = tracking_client(trained.workspace)
    runs = client.search_runs([client.get_experiment_by_name("failing").experiment_id])
    assert [run.info.status for run in runs] == ["FAILED"]
    with pytest.raises(NotFoundError, match="no finished run"):
        load_run(trained.workspace, "failing")
    failed = [r for r in evidence.read(trained.workspace.evidence, "training") if r.subject == "failing"]
    assert [record.verdict for record in failed] == ["fail"]
    assert "learning_rate" in failed[0].figures["reason"]


def test_rows_that_cannot_be_cut_fail_before_a_search(workspace: Any, write_project: Any, trained: Any) -> None:
    lines = [f"{i},{'yes' if i == 0 else 'no'}" for i in range(50)]
    (workspace.root / "rows.csv").write_text("a,target\n" + "\n".join(lines) + "\n")
    write_project(workspace.root, "rare", "source: csv:rows.csv\ntarget: target\npositive: 'yes'\n")
    workspace = replace(workspace, tracking_uri=trained.workspace.tracking_uri)
    with pytest.raises(DataError, match="1 of the rarest class"):
        train(workspace, load_config(workspace, "rare"))


@pytest.mark.parametrize(
    ("own", "told"),
    [
        (
            "class Mine(LogisticRegression):\n    pass\n",
            r"holds the type 'project_pipeline\.Mine', which cannot be kept",
        ),
        (
            "def Mine():\n    return LogisticRegression(C=(c for c in [1]))\n",
            r"something \(cannot pickle 'generator' object\)",
        ),
    ],
)
def test_what_cannot_be_kept_is_told_before_the_search(
    own: str, told: str, workspace: Any, write_project: Any, trained: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = f"""
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

{own}

def build(contract):
    return Pipeline([("fill", SimpleImputer()), ("model", Mine())])
"""
    rows = "".join(f"{i},{'yes' if i % 2 else 'no'}\n" for i in range(60))
    (workspace.root / "rows.csv").write_text(f"a,target\n{rows}")
    write_project(workspace.root, "mine", "source: csv:rows.csv\ntarget: target\npositive: 'yes'\npreset: own\n")
    (workspace.root / "projects" / "mine" / "pipeline.py").write_text(code)
    monkeypatch.setattr("tabi.training.job.fit_table", lambda *_: pytest.fail("it was searched"))
    with pytest.raises(TrainingError, match=told):
        train(replace(workspace, tracking_uri=trained.workspace.tracking_uri), load_config(workspace, "mine"))
