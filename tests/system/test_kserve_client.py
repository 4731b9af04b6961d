"""KServe's own Python clients, in an environment of their own, against a real server."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tabi.serving.model import Model
from tabi.store import Store
from tests.serving.conftest import contract, make_bundle, native, serving
from tests.system import kserve_script
from tests.system.conftest import PythonWith

pytestmark = pytest.mark.system

KSERVE = "kserve==0.21.0"
SCRIPT = Path(__file__).with_name("kserve_script.py")


@pytest.fixture(scope="module")
def python(python_with: PythonWith) -> Path:
    return python_with(KSERVE)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    from threadpoolctl import threadpool_limits

    from tabi.compile import compile_pipeline

    with threadpool_limits(1):
        graph = compile_pipeline(native(1), contract()).model
    bundle = make_bundle(tmp_path_factory.mktemp("bundle") / "voyage", "voyage", graph, contract())
    found = Store(tmp_path_factory.mktemp("store"))
    found.set_latest("voyage", found.put_bundle(bundle), found.latest("voyage"))
    return found


@pytest.fixture(scope="module")
def model(store: Store) -> Model:
    return Model.open(store.open_path("voyage"))


@pytest.fixture(scope="module")
def addresses(store: Store) -> Iterator[tuple[str, str]]:
    """A real server of the model: its addresses for REST and for gRPC."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with serving(store.root, "voyage", options=("--grpc-port", str(port))) as running:
        yield f"http://{running.host}:{running.port}", f"{running.host}:{port}"


@pytest.fixture(scope="module")
def found(python: Path, addresses: tuple[str, str]) -> dict[str, Any]:
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        [str(python), str(SCRIPT), *addresses],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    answers: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answers


def test_the_rest_client_finds_server_and_model_live_and_ready(found: dict[str, Any]) -> None:
    assert [found[name] for name in ("live", "ready", "model_ready", "stranger_ready")] == [True, True, True, False]


@pytest.mark.parametrize("form", ["rest", "rest, binary", "grpc", "grpc, raw"])
def test_its_answers_are_the_bits_that_predict_gives(found: dict[str, Any], model: Model, form: str) -> None:
    columns = [values.tolist() for values in kserve_script.COLUMNS.values()]
    rows = [
        {"age": None if np.isnan(age) else age, "fare": fare, "sex": sex.decode(), "city": city.decode()}
        for age, fare, sex, city in zip(*columns, strict=True)
    ]
    predictions, faults = model.predict(rows)
    assert not faults
    assert found[form] == {
        "id": "42",
        "model": "voyage",
        "probability": [prediction.probability for prediction in predictions],
        "label": [prediction.label for prediction in predictions],
    }
    assert found["version"] == model.version


def test_an_error_is_told_by_its_place(found: dict[str, Any]) -> None:
    assert "inputs.fare.shape" in found["error"]
    assert "400" in found["error"]


def test_the_grpc_client_finds_the_model_ready(found: dict[str, Any]) -> None:
    assert found["grpc_ready"] is True
