"""Real candidates over tiny tables: fetched, fitted, compiled and proved, without a tracking server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
import pytest
import yaml
from omegaconf import OmegaConf
from threadpoolctl import threadpool_limits

from tabi.bundle import Bundle, layout, write_bundle
from tabi.compile import compile_pipeline, prove
from tabi.data import Table, load_table, tensors_of, write_snapshot
from tabi.gates import Candidate, Champion
from tabi.project import ProjectConfig, config_to_yaml
from tabi.training.pipelines import build_pipeline
from tabi.training.plan import cut_table, task_of
from tabi.training.runs import Run
from tabi.workspace import Workspace

LEAST = "source: csv:rows.csv\ntarget: paid\n"
BINARY = LEAST + 'positive: "yes"\nparams: {max_iter: 10, max_leaf_nodes: 5}\n'
Make = Callable[..., Candidate]


def loans(rows: int = 600, seed: int = 0) -> pd.DataFrame:
    """Two numbers, three categories; men are paid more often at the same income, and few rows are of the group z."""
    random = np.random.default_rng(seed)
    sex = random.choice(["f", "m"], rows)
    group = random.choice(["x", "y", "z"], rows, p=[0.5, 0.47, 0.03])
    income, debt = random.normal(size=rows).round(3), random.normal(size=rows).round(3)
    signal = income - debt + 1.5 * (sex == "m") + random.normal(size=rows)
    frame = pd.DataFrame({"income": income, "debt": debt, "sex": sex, "group": group})
    frame["paid"] = np.where(signal > 0.75, "yes", "no")
    return frame


def make_candidate(
    root: Path, frame: pd.DataFrame, text: str = BINARY, run_id: str = "run", champion: Champion | None = None
) -> Candidate:
    """A candidate for the rows of `frame` under the project that `text` writes."""
    workspace, config = Workspace.find(root, {}), config_of(text)
    write_snapshot(workspace, config.name, config.source, frame)
    run, table = _run(workspace, config, run_id)
    compiled = compile_pipeline(run.pipeline, run.contract)
    tested = table.X.iloc[cut_table(table, config.split).test[:20]]
    parity = prove(run.pipeline, compiled, run.contract, tensors_of(tested, run.contract))
    bundle = root / f"bundle-{run_id}"
    bundle.mkdir()
    (bundle / layout.GRAPH).write_bytes(compiled.model)
    (bundle / layout.SCHEMA).write_bytes(run.contract.to_json())
    for path in (layout.METRICS, layout.PARITY):
        (bundle / path).write_text("{}\n")
    if run.threshold is not None:
        (bundle / layout.THRESHOLD).write_text(f'{{"threshold": {run.threshold}, "criterion": "fixed"}}\n')
    return Candidate(workspace, run, table, compiled.model, parity, bundle, champion)


def _run(workspace: Workspace, config: ProjectConfig, run_id: str) -> tuple[Run, Table]:
    table = load_table(workspace, config)
    rows, task = cut_table(table, config.split), task_of(table.contract.target)
    with threadpool_limits(1):
        pipeline = build_pipeline(table.contract, config, {}).fit(table.X.iloc[rows.train], table.y[rows.train])
        predicted = task.predict(pipeline, table.X.iloc[rows.test])
    return Run(
        run_id=run_id,
        project=config.name,
        config=config,
        contract=table.contract,
        pipeline=pipeline,
        snapshot_digest=table.snapshot.digest,
        metrics=task.metrics(table.y[rows.test], predicted, 0.5),
        threshold=0.5 if task.name == "binary" else None,
        artifacts=workspace.root,
        git_commit="",
        git_dirty=False,
        environment_lock="",
        environment_digest="0" * 64,
        created="2026-11-21T09:00:00+00:00",
    ), table


def released(candidate: Candidate, *, tracked: bool = True) -> Champion:
    """The candidate as the champion of later ones; without its configuration where its run is not tracked."""
    run, folder = candidate.run, candidate.folder
    (folder / layout.GATES).write_text("[]\n")
    write_bundle(
        folder,
        name=run.project,
        created=run.created,
        git_commit="",
        run=run.run_id,
        snapshot=run.snapshot_digest,
        environment=run.environment_digest,
        runtime={},
    )
    return Champion(Bundle.open(folder), run.config if tracked else None)


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Candidates in a workspace of their own."""

    def of(frame: pd.DataFrame, more: str = "", run_id: str = "run", champion: Champion | None = None) -> Candidate:
        text = more if more.startswith("source:") else BINARY + more
        return make_candidate(tmp_path, frame, text, run_id, champion)

    return of


@pytest.fixture(scope="session")
def candidate(tmp_path_factory: pytest.TempPathFactory) -> Candidate:
    """A candidate that every gate with its usual bounds passes. Only to be read, but for its reports."""
    return make_candidate(tmp_path_factory.mktemp("gates"), loans())


def with_gates(candidate: Candidate, text: str) -> Candidate:
    """The same candidate under other bounds."""
    other = config_of(config_to_yaml(candidate.run.config), text)
    return replace(candidate, run=replace(candidate.run, config=other))


def config_of(*texts: str) -> ProjectConfig:
    """A project's configuration, the later texts over the earlier. Hydra takes ten times as long to say the same."""
    layers = [yaml.safe_load(text) for text in texts]
    merged = OmegaConf.merge(OmegaConf.structured(ProjectConfig(name="loans")), *layers)
    return cast("ProjectConfig", OmegaConf.to_object(merged))
