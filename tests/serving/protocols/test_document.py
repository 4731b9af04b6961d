"""The commands of docs/protocols.md, against a real server."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tabi.contract import CategoricalColumn, Contract, NumericColumn, Target, Tensors
from tabi.serving.model import Model
from tabi.store import Store
from tests.serving.conftest import make_bundle, serving

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "protocols.md"
COLUMNS = (NumericColumn("age"), NumericColumn("hours-per-week"), CategoricalColumn("sex", ("Female", "Male")))
WAGES = Contract("wages", COLUMNS, Target("class", ("<=50K", ">50K")))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OrdinalEncoder
    from threadpoolctl import threadpool_limits

    from tabi.compile import compile_pipeline
    from tabi.data import frame_of

    random = np.random.default_rng(0)
    numeric = np.column_stack([random.uniform(17, 90, 200), random.uniform(1, 99, 200)])
    sexes = random.choice(["Female", "Male"], 200).astype(object).reshape(-1, 1)
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=np.nan)
    encoded = ColumnTransformer([("cat", encoder, ["sex"])], remainder="passthrough")
    steps = [("prep", encoded), ("clf", HistGradientBoostingClassifier(max_iter=5))]
    with threadpool_limits(1):
        fitted = Pipeline(steps).fit(frame_of(Tensors(numeric, sexes), WAGES), numeric.sum(axis=1) > 100)
    folder = tmp_path_factory.mktemp("bundle") / "wages"
    found = Store(tmp_path_factory.mktemp("store"))
    identity = found.put_bundle(make_bundle(folder, "wages", compile_pipeline(fitted, WAGES).model, WAGES))
    found.set_latest("wages", identity, None)
    return found


def test_every_command_is_answered_with_what_the_model_decides(store: Store) -> None:
    rows: list[dict[str, Any]] = [
        {"age": 39, "hours-per-week": 40.5, "sex": "Male"},
        {"age": 52, "sex": "Female"},
    ]
    model = Model.open(store.open_path("wages"))
    predictions, _ = model.predict(rows)
    labels = [prediction.label for prediction in predictions]
    probability = predictions[0].probability
    blocks = re.findall(r"```sh\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), flags=re.DOTALL)
    with serving(store.root, "wages") as server:
        said = [_run(block, server.port) for block in blocks]
    (inferred,), (split, probabilities, csv) = said
    assert {output["name"]: output["data"] for output in inferred["outputs"]} == {
        "probability": [prediction.probability for prediction in predictions],
        "label": labels,
    }
    assert (split, csv) == ({"predictions": labels}, {"predictions": labels})
    assert probabilities == {"predictions": [[1 - probability, probability]]}


def _run(block: str, port: int) -> list[Any]:
    """What each command of a block printed."""
    commands = block.replace("localhost:8000", f"127.0.0.1:{port}").replace("curl -s", "curl -s -w '\\n'")
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", commands], capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines() if line]
