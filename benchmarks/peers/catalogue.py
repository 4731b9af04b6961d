"""The peers: how each is started, what it is sent, and where its answer holds the probabilities.

Nothing here imports a peer: each runs in an interpreter that has it.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tabi.bench.process import Command
from tabi.bench.rows import Row

HERE = Path(__file__).resolve().parent
BATCH = 32

Body = Callable[[Sequence[Row]], bytes]
Read = Callable[[Any], list[float]]


@dataclass(frozen=True)
class Peer:
    """One server. In `arguments` and `environment`, {python}, {bin} and {files} are filled in.

    `body` makes a body of rows; `read` finds the probabilities in a decoded answer. `paths`: the routes for one row and
    for many. `needs`: modules that its interpreter must have.
    """

    name: str
    needs: tuple[str, ...]
    arguments: tuple[str, ...]
    ready: str
    paths: tuple[str, str]
    body: Body
    read: Read
    environment: Mapping[str, str] = field(default_factory=dict)

    def command(self, python: Path, files: Path) -> Command:
        """How to start it in the environment of `python`, with the files of the benchmark."""

        def fill(text: str) -> str:
            told = {"{python}": python, "{bin}": python.parent, "{files}": files, "{here}": HERE}
            for mark, value in told.items():
                text = text.replace(mark, str(value))
            return text

        environment = {name: fill(value) for name, value in self.environment.items()}
        environment |= {
            "MODEL": str(files / "model.joblib"),
            "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
        }
        return Command(self.name, tuple(map(fill, self.arguments)), self.ready, environment, files)


def interpreter_with(modules: Sequence[str], interpreters: Sequence[Path]) -> Path | None:
    """The first of the interpreters that has all of the modules."""
    code = f"import importlib.util as u, sys; sys.exit(not all(u.find_spec(m) for m in {tuple(modules)!r}))"
    for python in interpreters:
        if subprocess.run([python, "-c", code], check=False, capture_output=True).returncode == 0:
            return python
    return None


def versions(python: Path, modules: Sequence[str]) -> str:
    """The versions of the modules in the environment of `python`."""
    code = (
        f"from importlib.metadata import version as v; print(', '.join(f'{{m}} {{v(m)}}' for m in {tuple(modules)!r}))"
    )
    return subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def _features(rows: Sequence[Row]) -> bytes:
    """Tabi's form, which FastAPI as everybody writes it shares."""
    return json.dumps({"features": rows[0]} if len(rows) == 1 else {"rows": rows}).encode()


def _columns(rows: Sequence[Row]) -> bytes:
    """The Open Inference Protocol: a tensor for each column, the pandas content type."""
    inputs = []
    for name in rows[0]:
        values = [row[name] for row in rows]
        is_text = any(isinstance(value, str) for value in values) or all(value is None for value in values)
        tensor = {"name": name, "shape": [len(rows), 1], "datatype": "BYTES" if is_text else "FP64", "data": values}
        inputs.append({**tensor, "parameters": {"content_type": "str"}} if is_text else tensor)
    outputs = [{"name": "predict_proba"}]
    return json.dumps({"parameters": {"content_type": "pd"}, "inputs": inputs, "outputs": outputs}).encode()


def _of_features(answer: Any) -> list[float]:
    return [answer["probability"]] if "probability" in answer else answer["probabilities"]


def _litserve(name: str, batch: int) -> Peer:
    return Peer(
        name,
        needs=("litserve", "pandas", "sklearn", "joblib"),
        arguments=("{python}", "{here}/litserve_server.py", "{port}"),
        ready="/health",
        paths=("/predict", "/predict"),
        body=lambda rows: json.dumps({"rows": rows}).encode(),
        read=lambda answer: answer["probabilities"],
        environment={"BATCH": str(batch)},
    )


FASTAPI = Peer(
    "FastAPI + joblib",
    needs=("fastapi", "uvicorn", "pandas", "sklearn", "joblib"),
    arguments=(
        "{python}", "-m", "uvicorn", "--app-dir", "{here}", "fastapi_joblib:app", "--port", "{port}", "--no-access-log"
    ),
    ready="/healthz",
    paths=("/predict", "/predict_batch"),
    body=_features,
    read=_of_features,
)  # fmt: skip

PEERS = (
    FASTAPI,
    Peer(
        "MLflow models serve",
        needs=("mlflow", "pandas", "sklearn"),
        arguments=(
            "{python}", "-m", "mlflow", "models", "serve", "-m", "{files}/mlflow", "-p", "{port}",
            "--env-manager", "local", "-w", "1",
        ),
        ready="/ping",
        paths=("/invocations", "/invocations"),
        body=lambda rows: json.dumps({"dataframe_records": rows}).encode(),
        read=lambda answer: [pair[1] for pair in answer["predictions"]],
        # no line a request, as with the others
        environment={"UVICORN_LOG_LEVEL": "warning"},
    ),
    Peer(
        "BentoML, adaptive batching",
        needs=("bentoml", "pandas", "sklearn", "joblib"),
        arguments=("{python}", "-m", "bentoml", "serve", "bentoml_service:Portfolio", "--port", "{port}",
                   "--host", "127.0.0.1", "--working-dir", "{here}"),
        ready="/readyz",
        paths=("/predict", "/predict"),
        body=lambda rows: json.dumps({"rows": rows}).encode(),
        read=lambda answer: answer,
        environment={
            "BATCH": "100",
            "BENTOML_HOME": "{files}/bentoml",
            "BENTOML_DO_NOT_TRACK": "True",
            "BENTOML_CONFIG_OPTIONS": "api_server.logging.access.enabled=false",
        },
    ),
    Peer(
        "MLServer",
        needs=("mlserver", "mlserver_sklearn"),
        arguments=("{bin}/mlserver", "start", "{files}/mlserver"),
        ready="/v2/models/portfolio/ready",
        paths=("/v2/models/portfolio/infer", "/v2/models/portfolio/infer"),
        body=_columns,
        # a tensor [N, 2], flat
        read=lambda answer: answer["outputs"][0]["data"][1::2],
        environment={
            "MLSERVER_HOST": "127.0.0.1",
            "MLSERVER_HTTP_PORT": "{port}",
            "MLSERVER_GRPC_PORT": "{port2}",
            "MLSERVER_METRICS_PORT": "{port3}",
            "MLSERVER_PARALLEL_WORKERS": "0",
            "MLSERVER_DEBUG": "false",
        },
    ),
    _litserve("LitServe", 1),
    _litserve(f"LitServe, batches of {BATCH}", BATCH),
    Peer(
        "vetiver",
        needs=("vetiver", "pandas", "sklearn", "joblib"),
        arguments=("{python}", "{here}/vetiver_server.py", "{port}"),
        ready="/ping",
        paths=("/predict", "/predict"),
        body=lambda rows: json.dumps(rows).encode(),
        read=lambda answer: answer["predict"],
    ),
)  # fmt: skip
