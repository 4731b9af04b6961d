"""Runs in MLflow: any server by URL, by default a SQLite file and a folder of the workspace."""

from __future__ import annotations

import fcntl
import logging
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from tabi.training.choice import CandidateScore
from tabi.workspace import Workspace

if TYPE_CHECKING:
    from mlflow import MlflowClient

# MLflow takes this many parameters in one call, and values of this length.
BATCH = 100
VALUE_LENGTH = 500
SQLITE = "sqlite:///"


def tracking_client(workspace: Workspace) -> MlflowClient:
    """A client of the workspace's tracking server. Nothing is sent anywhere else, and nothing is printed."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["DO_NOT_TRACK"] = "true"
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    uri = workspace.tracking_uri
    with warnings.catch_warnings():
        # what MLflow's own code should no longer do is not ours to mend
        warnings.simplefilter("ignore", DeprecationWarning)
        from mlflow import MlflowClient

        # only now: MLflow sets its own level while it is imported
        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.WARNING)
        with _alone(uri):
            return MlflowClient(tracking_uri=uri)


@contextmanager
def _alone(uri: str) -> Iterator[None]:
    """A client makes or migrates a file of SQLite, which two at once would do into each other."""
    if not uri.startswith(SQLITE):
        yield
        return
    path = Path(uri.removeprefix(SQLITE))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f"{path.name}.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@dataclass(frozen=True)
class Tracker:
    """One run that is being written."""

    client: MlflowClient
    experiment_id: str
    run_id: str

    def params(self, values: Mapping[str, Any]) -> None:
        """Record parameters, any number of them."""
        self._params(self.run_id, values)

    def metrics(self, values: Mapping[str, float]) -> None:
        """Record metrics."""
        for name, value in values.items():
            self.client.log_metric(self.run_id, name, value)

    def artifacts(self, folder: Path) -> None:
        """Store every file below `folder`."""
        self.client.log_artifacts(self.run_id, str(folder))

    def candidates(self, table: tuple[CandidateScore, ...], name: str) -> None:
        """Record each candidate as a child run: its parameters, and its scores by `name` with the rung as the step."""
        from mlflow.entities import Metric

        by_candidate: dict[int, list[CandidateScore]] = {}
        for score in table:
            by_candidate.setdefault(score.candidate, []).append(score)
        for candidate, scores in sorted(by_candidate.items()):
            tags = {"mlflow.parentRunId": self.run_id, "mlflow.runName": f"candidate-{candidate:02d}"}
            child = self.client.create_run(self.experiment_id, tags=tags)
            self._params(child.info.run_id, scores[0].params)
            metrics = [
                Metric(key, value, child.info.start_time, s.rung)
                for s in scores
                for key, value in _figures(s, name).items()
            ]
            self.client.log_batch(child.info.run_id, metrics=metrics)
            self.client.set_terminated(child.info.run_id)

    def _params(self, run_id: str, values: Mapping[str, Any]) -> None:
        from mlflow.entities import Param

        items = iter(values.items())
        while batch := [Param(name, str(value)[:VALUE_LENGTH]) for name, value in islice(items, BATCH)]:
            self.client.log_batch(run_id, params=batch)


@contextmanager
def tracked_run(workspace: Workspace, experiment: str, tags: Mapping[str, str]) -> Iterator[Tracker]:
    """A new run of the experiment: FINISHED when the block ends, FAILED when it raises, KILLED when interrupted."""
    client = tracking_client(workspace)
    experiment_id = _experiment(client, workspace, experiment)
    run = client.create_run(experiment_id, tags=dict(tags))
    tracker = Tracker(client, experiment_id, run.info.run_id)
    try:
        yield tracker
    except KeyboardInterrupt:
        client.set_terminated(tracker.run_id, status="KILLED")
        raise
    except BaseException:
        client.set_terminated(tracker.run_id, status="FAILED")
        raise
    client.set_terminated(tracker.run_id, status="FINISHED")


def hyperparameters(pipeline: Pipeline) -> dict[str, Any]:
    """Every parameter of every step of the pipeline that is a value and not itself a step."""
    return {
        name: value
        for name, value in sorted(pipeline.get_params().items())
        if not isinstance(value, BaseEstimator) and name not in ("steps", "memory") and "transformers" not in name
    }


def _experiment(client: MlflowClient, workspace: Workspace, name: str) -> str:
    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    embedded = workspace.tracking_uri.startswith(SQLITE)
    location = (workspace.root / "tracking" / "artifacts" / name).as_uri() if embedded else None
    from mlflow.exceptions import MlflowException

    try:
        return str(client.create_experiment(name, artifact_location=location))
    except MlflowException:
        # another training may have made it in this moment
        found = client.get_experiment_by_name(name)
        if found is None:
            raise
        return str(found.experiment_id)


def _figures(score: CandidateScore, name: str) -> dict[str, float]:
    folds = {f"{name}_fold_{fold}": value for fold, value in enumerate(score.scores)}
    sizes = {"n_resources": float(score.n_resources), "cost_us": score.cost, "fit_seconds": sum(score.seconds)}
    return {name: score.mean, **folds, **sizes}
