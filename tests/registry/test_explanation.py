"""A bundle carries explanations where its project asks for them, and only then."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tabi.bundle import Bundle, layout
from tabi.compile import compile_pipeline
from tabi.data import load_table
from tabi.errors import ExplanationError
from tabi.project import load_config
from tabi.registry.explanation import explanation_document
from tabi.registry.release import release
from tabi.serving.explanations import ClassExplanation, ExplainReply, explain_row, has_explanation
from tabi.serving.model import Model
from tabi.store import Store
from tabi.training.job import train
from tabi.training.runs import load_run
from tabi.workspace import Workspace
from tests.registry.conftest import CONFIG, Trained, write_project

# slow: real trainings and releases
pytestmark = pytest.mark.system


def test_a_project_that_asks_for_it_gets_a_bundle_that_explains(trained: Trained, tmp_path: Path) -> None:
    workspace = replace(trained.workspace, store=tmp_path / "store")
    told: list[str] = []
    run = train(workspace, load_config(workspace, "shop", ["explain=true"])).run_id
    released = release(workspace, "shop", run, told.append)
    assert any(line.startswith("explain") for line in told)
    model = Model.open(released.folder)
    found = explain_row(model, {"age": 41, "town": "京都"}, "1")
    assert {each.column for each in found.contributions} == {"age", "visits", "town", "plan"}
    total = found.base + sum(each.contribution for each in found.contributions)
    assert total == pytest.approx(np.log(found.answer / (1 - found.answer)), abs=1e-9)


def test_without_it_a_bundle_has_none(trained: Trained, tmp_path: Path) -> None:
    import shutil

    workspace = replace(trained.workspace, store=tmp_path / "store")
    shutil.copytree(trained.workspace.store / "data", workspace.store / "data")
    released = release(workspace, "shop", trained.runs[0])
    assert layout.EXPLANATION not in {entry.path for entry in Bundle.open(released.folder).manifest.files}
    assert not has_explanation(Model.open(released.folder))


def test_what_cannot_be_explained_is_refused_and_the_store_stays(trained: Trained, tmp_path: Path) -> None:
    workspace = replace(trained.workspace, store=tmp_path / "store")
    config = CONFIG.replace("space: {max_iter: [5], max_leaf_nodes: [4]}", "space: {alpha: [1.0]}")
    write_project(workspace.root, "net", config + "preset: mlp\nexplain: true\n")
    run = train(workspace, load_config(workspace, "net")).run_id
    with pytest.raises(ExplanationError, match="MLPClassifier: a neural network has no exact explanation"):
        release(workspace, "net", run)
    assert Store(workspace.store).latest("net") is None


def test_the_same_run_gives_the_same_document(trained: Trained) -> None:
    workspace: Workspace = trained.workspace
    run = load_run(workspace, "shop", trained.runs[0])
    compiled = compile_pipeline(run.pipeline, run.contract)
    table = load_table(workspace, run.config, run.snapshot_digest)
    assert explanation_document(table, run, compiled) == explanation_document(table, run, compiled)


@pytest.mark.parametrize(
    ("name", "target", "task", "of"), [("towns", "town", "multiclass", None), ("ages", "age", "regression", "age")]
)
def test_every_task_is_explained_from_its_rows_to_its_reply(
    trained: Trained, tmp_path: Path, name: str, target: str, task: str, of: str | None
) -> None:
    workspace = replace(trained.workspace, store=tmp_path / "store")
    config = CONFIG.replace("target: bought", f"target: {target}").replace('positive: "yes"', f"task: {task}")
    write_project(workspace.root, name, config + "  auc_minimum: 0\n  r2_minimum: -10\nexplain: true\n")
    run = train(workspace, load_config(workspace, name)).run_id
    model = Model.open(release(workspace, name, run).folder)
    found = explain_row(model, {"visits": 4, "plan": "a", "bought": "yes"}, "1")
    assert found.of == (of or found.prediction)
    assert {each.of for each in found.classes} == (set() if of else {"Tokyo", "京都", "Osaka"})
    explained: list[ExplainReply | ClassExplanation] = [found, *found.classes]
    for each in explained:
        assert each.base + sum(part.contribution for part in each.contributions) == pytest.approx(each.score)
    if of:
        assert found.prediction == found.answer == pytest.approx(found.score)
    else:
        powers = np.exp([each.score for each in found.classes])
        assert [each.answer for each in found.classes] == pytest.approx(powers / powers.sum())
