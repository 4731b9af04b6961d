"""Reading a finished run back: what a release is made from."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sklearn.pipeline import Pipeline

from tabi.contract import Contract
from tabi.errors import NotFoundError
from tabi.project import ProjectConfig, config_from_yaml
from tabi.training.saved import load_pipeline
from tabi.training.tracking import tracking_client
from tabi.workspace import Workspace

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run as MlflowRun


@dataclass(frozen=True)
class Run:
    """One finished training.

    `artifacts`: folder with `config.yaml`, `schema.json`, `pipeline.skops`, `metrics.json`, `cv_results.csv`,
    `environment.lock` and `reports/*.png`; of two classes also `threshold.json`, whose value is `threshold`.
    `created`: ISO 8601 in UTC. `teacher`: the bundle whose probabilities were learnt, empty where labels were.
    `trained_by`: who started it, empty where nobody said.
    """

    run_id: str
    project: str
    config: ProjectConfig
    contract: Contract
    pipeline: Pipeline = field(repr=False)
    snapshot_digest: str
    metrics: dict[str, float]
    threshold: float | None
    artifacts: Path
    git_commit: str
    git_dirty: bool
    environment_lock: str = field(repr=False)
    environment_digest: str
    created: str
    teacher: str = ""
    trained_by: str = ""


def load_run(workspace: Workspace, name: str, run_id: str | None = None) -> Run:
    """The run of project `name` with this id, by default its latest finished one.

    Raises `NotFoundError` where there is none, and `TrainingError` where its pipeline holds a type that is not trusted.
    """
    client = tracking_client(workspace)
    found = _find(client, name, run_id)
    from mlflow.artifacts import download_artifacts

    # a local folder is returned as it is
    folder = Path(download_artifacts(run_id=found.info.run_id, tracking_uri=workspace.tracking_uri))
    tags = found.data.tags
    lock = (folder / "environment.lock").read_text(encoding="utf-8")
    return Run(
        run_id=found.info.run_id,
        project=name,
        config=_config(folder),
        contract=Contract.from_json((folder / "schema.json").read_bytes()),
        pipeline=load_pipeline(folder / "pipeline.skops"),
        snapshot_digest=tags["tabi.snapshot"],
        metrics=json.loads((folder / "metrics.json").read_bytes()),
        threshold=_threshold(folder / "threshold.json"),
        artifacts=folder,
        git_commit=tags["tabi.git_commit"],
        git_dirty=tags["tabi.git_dirty"] == "true",
        environment_lock=lock,
        environment_digest=tags["tabi.environment"],
        teacher=tags.get("tabi.teacher", ""),
        trained_by=tags.get("tabi.trained_by", ""),
        created=datetime.fromtimestamp(found.info.start_time / 1000, UTC).isoformat(),
    )


def config_of_run(workspace: Workspace, name: str, run_id: str) -> ProjectConfig:
    """The configuration alone of a run; its pipeline is not opened. `NotFoundError` where there is no such run."""
    from mlflow.artifacts import download_artifacts

    found = _find(tracking_client(workspace), name, run_id)
    folder = Path(download_artifacts(run_id=found.info.run_id, tracking_uri=workspace.tracking_uri))
    return _config(folder)


def _config(folder: Path) -> ProjectConfig:
    return config_from_yaml((folder / "config.yaml").read_text(encoding="utf-8"), _code(folder / "pipeline.py"))


def _find(client: MlflowClient, name: str, run_id: str | None) -> MlflowRun:
    advice = f"run `tabi train {name}` first"
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        raise NotFoundError(f"project {name!r} has no run yet: {advice}")
    # children hold one candidate each and carry no snapshot
    wanted = "attributes.status = 'FINISHED' and tags.`tabi.snapshot` != ''"
    if run_id is not None:
        wanted += f" and attributes.run_id = '{run_id}'"
    runs = client.search_runs(
        [experiment.experiment_id], wanted, max_results=1, order_by=["attributes.start_time DESC"]
    )
    if not runs:
        which = f"no finished run {run_id!r}" if run_id else "no finished run"
        raise NotFoundError(f"project {name!r} has {which}: {advice}")
    return runs[0]


def _threshold(path: Path) -> float | None:
    return float(json.loads(path.read_bytes())["value"]) if path.is_file() else None


def _code(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""
