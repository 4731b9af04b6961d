"""Dockerfile.train builds, and its image is the MLflow server of compose.yaml, over PostgreSQL and a volume."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.serving.conftest import harbour, own_harbour
from tests.system.engine import BUILD_LIMIT_S, REPOSITORY, Engine
from tests.system.test_compose import LIMIT_S, Compose, compose, stand_in

# an image of 1.4 GB is built first
pytestmark = [pytest.mark.system, pytest.mark.timeout(BUILD_LIMIT_S + 3 * LIMIT_S)]
__all__ = ["compose", "harbour", "own_harbour", "stand_in"]

PROGRAM = """
import mlflow
mlflow.set_experiment("ring")
with mlflow.start_run() as run:
    mlflow.log_metric("auc", 0.75)
    mlflow.log_text("kept", "note.txt")
"""
READ = """
import mlflow
(run,) = mlflow.search_runs(experiment_names=["ring"], output_format="list")
print(run.data.metrics["auc"], mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/note.txt"))
"""


def test_mlflow_keeps_runs_and_artifacts_over_its_own_end(compose: Compose, stand_in: Compose) -> None:
    train = compose.engine.build(REPOSITORY, "--file", str(REPOSITORY / "Dockerfile.train"))
    found = Compose(Engine({**stand_in.engine.environ, "TABI_TRAIN_IMAGE": train}), stand_in.files)
    address = f"http://127.0.0.1:{found.engine.environ['TABI_MLFLOW_PORT']}"

    def client(program: str) -> str:
        environ = {**os.environ, "MLFLOW_TRACKING_URI": address}
        command = [sys.executable, "-c", program]
        return subprocess.run(
            command, env=environ, capture_output=True, text=True, timeout=120, check=True
        ).stdout.strip()

    try:
        found.must("up", "--detach", "--wait", "--wait-timeout", "150", "postgres", "mlflow")
        client(PROGRAM)
        found.must("up", "--detach", "--wait", "--wait-timeout", "150", "--force-recreate", "postgres", "mlflow")
        assert client(READ) == "0.75 kept"
        container = found.must("ps", "--quiet", "mlflow").strip()
        assert found.engine.must("exec", container, "id", "-u") == "10001"
        assert found.engine.must("exec", container, "stat", "-c", "%a", "/tmp/pgpass") == "600"  # noqa: S108
    except (AssertionError, subprocess.CalledProcessError):
        print(found.run("logs", "--tail", "40").stdout)
        raise
    finally:
        found.run("down", "--volumes", "--timeout", "10")
