from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tabi import evidence
from tabi.bundle import Bundle
from tabi.bundle.reference import reference_of
from tabi.bundle.session import Session
from tabi.contract import RowReader, Scalar
from tabi.data import load_table, tensors_of
from tabi.errors import GateError, NotFoundError
from tabi.gates import GATES
from tabi.project import load_config
from tabi.registry.release import release
from tabi.store import Store
from tabi.training.job import train
from tabi.training.runs import load_run
from tabi.workspace import Workspace
from tests.registry.conftest import Trained


@pytest.fixture
def fresh(trained: Trained, tmp_path: Path) -> Workspace:
    """The trained workspace with an empty store of its own; the snapshots are kept."""
    store = tmp_path / "store"
    shutil.copytree(trained.workspace.store / "data", store / "data")
    return replace(trained.workspace, store=store)


def test_a_release_puts_a_whole_bundle_into_the_store_and_points_to_it(trained: Trained, fresh: Workspace) -> None:
    said: list[str] = []
    released = release(fresh, trained.name, trained.runs[0], said.append)
    latest = Store(fresh.store).latest(trained.name)
    assert latest is not None
    assert latest.id == released.bundle
    bundle = Bundle.open(released.folder)
    paths = {entry.path for entry in bundle.manifest.files}
    assert {"model.onnx", "schema.json", "threshold.json", "metrics.json", "parity.json", "gates.json"} < paths
    assert {"MODEL_CARD.md", "environment.lock", "pipeline.skops"} < paths
    reference = reference_of(bundle, bundle.contract())
    assert reference.scores is not None
    assert reference.rarity is not None
    assert sum(reference.scores) < reference.rarity.rows == load_table(fresh, released.run.config).snapshot.rows
    assert bundle.manifest.run == trained.runs[0]
    assert bundle.manifest.snapshot == released.run.snapshot_digest
    assert said[-2].endswith(released.bundle)
    assert said[-1] == f"version  {trained.name}:{released.version.version}, live"


def test_the_graph_in_the_bundle_answers_as_the_pipeline_of_the_run(trained: Trained, fresh: Workspace) -> None:
    bundle = Bundle.open(release(fresh, trained.name, trained.runs[0]).folder)
    run = load_run(fresh, trained.name, trained.runs[0])
    table = load_table(fresh, run.config, run.snapshot_digest)
    expected = run.pipeline.predict_proba(table.X)[:, 1]
    actual = Session(bundle.graph_bytes()).predict(tensors_of(table.X, bundle.contract()))
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-12)
    row: dict[str, Scalar] = {"age": "41", "town": "京都", "visits": 2}
    tensors, faults = RowReader(bundle.contract()).read([row])
    assert not faults
    assert 0 < Session(bundle.graph_bytes()).predict(tensors)[0] < 1


def test_the_proof_and_the_verdicts_are_in_the_bundle_with_their_figures(trained: Trained, fresh: Workspace) -> None:
    bundle = Bundle.open(release(fresh, trained.name, trained.runs[0]).folder)
    parity = json.loads(bundle.document("parity.json"))
    assert parity["max_abs_diff"] <= parity["bound"] == 1e-9
    assert parity["rows"] > parity["kinds"]["test"]["rows"] == 60
    assert set(parity["worst"]) == {"kind", "row"}
    gates = json.loads(bundle.document("gates.json"))
    verdicts = {gate["gate"]: gate["verdict"] for gate in gates}
    assert list(verdicts) == list(GATES)
    assert verdicts["parity"] == verdicts["metrics"] == verdicts["size"] == "pass"
    assert verdicts["security"] == verdicts["latency"] == "off"
    assert verdicts["fairness"] == "skipped"
    assert "fail" not in verdicts.values()
    reports = {entry.path for entry in bundle.manifest.files}
    assert {gate["report"] for gate in gates if "report" in gate} <= reports
    card = bundle.document("MODEL_CARD.md").decode()
    assert "| visits | numeric |" in card
    assert "| town | categorical |" in card


def test_the_same_run_released_twice_is_the_same_bundle(trained: Trained, fresh: Workspace) -> None:
    assert release(fresh, trained.name, trained.runs[0]).bundle == release(fresh, trained.name, trained.runs[0]).bundle
    assert len(Store(fresh.store).snapshots(trained.name)) == 1


def test_without_a_run_id_the_last_run_is_released(trained: Trained, fresh: Workspace) -> None:
    # a run of its own, for other tests may have trained the project since the fixture did
    last = train(fresh, load_config(fresh, trained.name, ["params.max_leaf_nodes=4"])).run_id
    assert last not in trained.runs
    assert release(fresh, trained.name).run.run_id == last


@pytest.mark.parametrize(
    ("override", "gate", "says"),
    [
        ("gates.auc_minimum=0.9999", "metrics", "is below gates.auc_minimum 0.9999"),
        ("gates.parity=1e-300", "parity", r"step clf \(HistGradientBoostingClassifier\) differs by"),
    ],
)
def test_a_failed_gate_means_no_bundle_and_the_old_one_stays(
    trained: Trained, fresh: Workspace, override: str, gate: str, says: str
) -> None:
    before = release(fresh, trained.name, trained.runs[0]).bundle
    run = train(fresh, load_config(fresh, trained.name, [override]))
    with pytest.raises(GateError, match=f"gate {gate}: .*{says}") as caught:
        release(fresh, trained.name, run.run_id)
    assert "\n" not in str(caught.value)
    store = Store(fresh.store)
    assert [store.latest(trained.name).id, *store.snapshots(trained.name)] == [before, before]  # type: ignore[union-attr]
    last = list(evidence.read(fresh.evidence, "release"))[-1]
    assert (last.verdict, last.figures["gates"][gate]) == ("fail", "fail")


def test_a_project_without_a_run_says_what_to_do(trained: Trained, fresh: Workspace) -> None:
    with pytest.raises(NotFoundError, match="tabi train nothing"):
        release(fresh, "nothing")
