"""The road of a table with a column of about 300 shops: every encoding tried, the winner proved and released."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tabi.bundle import Bundle
from tabi.project import load_config
from tabi.registry.release import release
from tabi.training.job import train
from tabi.training.tracking import tracking_client
from tabi.workspace import Workspace

# slow: real trainings and releases
pytestmark = pytest.mark.system

CONFIG = """
source: csv:shops.csv
target: bought
positive: "yes"
encoding: search
search: {jobs: 1, folds: 3, strategy: random, candidates: 9, space: {max_iter: [20], max_leaf_nodes: [7]}}
"""


def test_every_encoding_is_tried_in_one_search_and_the_winner_is_released(tmp_path: Path) -> None:
    workspace = Workspace.find(tmp_path, {})
    write_shops(tmp_path)
    run = train(workspace, load_config(workspace, "shops"))
    assert run.best["encoding"] == "target"
    assert run.metrics["auc"] > 0.75
    scores = pd.read_csv(next(workspace.artifacts.glob("cv_results_*.csv")))
    assert set(scores["encoding"]) == {"preset", "onehot", "target", "hash"}
    client: Any = tracking_client(workspace)
    assert client.get_run(run.run_id).data.params["encoding"] == "target"
    children = client.search_runs(
        [client.get_experiment_by_name("shops").experiment_id], f"tags.`mlflow.parentRunId` = '{run.run_id}'"
    )
    assert {child.data.params["encoding"] for child in children} == set(scores["encoding"])
    bundle = Bundle.open(release(workspace, "shops").folder)
    report = json.loads(bundle.document("reports/encodings.json"))
    assert report["winner"] == "target"
    assert {row["value"]: row["columns"] for row in report["values"]}["target"] == 2
    assert json.loads(bundle.document("parity.json"))["max_abs_diff"] <= 1e-9


def write_shops(root: Path) -> None:
    """Each shop sells more or less than the others; the size of a purchase says little."""
    random = np.random.default_rng(0)
    shop, size = random.integers(0, 300, 1200), random.normal(size=1200)
    signal = 2 * random.normal(size=300)[shop] + 0.3 * size + random.normal(size=1200)
    shops = np.array([f"shop {i}" for i in range(300)])[shop]
    bought = np.where(signal > np.median(signal), "yes", "no")
    pd.DataFrame({"shop": shops, "size": size, "bought": bought}).to_csv(root / "shops.csv", index=False)
    (root / "projects" / "shops").mkdir(parents=True)
    (root / "projects" / "shops" / "config.yaml").write_text(CONFIG, encoding="utf-8")
