"""The portfolio's adult pipeline, fitted once and kept in the form that each server loads."""

from __future__ import annotations

import json
import logging
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import mlflow.sklearn
import numpy as np
import numpy.typing as npt
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from benchmarks.training import portfolio_pipeline
from tabi.bench.rows import Row
from tabi.bundle import write_bundle
from tabi.compile import compile_pipeline
from tabi.contract import Contract
from tabi.data import load_table
from tabi.project import load_config
from tabi.training.split import cut
from tabi.workspace import Workspace

# what its search chose, and what its published figures were reached with
BEST = {"max_depth": 4}
NAME = "portfolio"


@dataclass(frozen=True)
class Portfolio:
    """`rows`: the test rows as a client sends them. `expected`: what the pipeline says of each. `files`: its forms."""

    files: Path
    rows: list[Row]
    expected: npt.NDArray[np.float64]

    @property
    def bundle(self) -> Path:
        """The pipeline compiled, as a bundle."""
        return self.files / "bundle"


def prepare(workspace: Workspace, files: Path) -> Portfolio:
    """Fit the pipeline on the training rows of adult and write every form into `files`."""
    config = load_config(workspace, "adult")
    table = load_table(workspace, config)
    rows = cut(table.y, config.split)
    pipeline = portfolio_pipeline(table.contract, **BEST)
    with threadpool_limits(1):
        pipeline.fit(table.X.iloc[rows.train], table.y[rows.train])
        test = table.X.iloc[rows.test]
        expected = pipeline.predict_proba(test)[:, 1]
    joblib.dump(pipeline, files / "model.joblib")
    _write_mlflow(pipeline, files / "mlflow")
    _write_mlserver(files / "mlserver", files / "model.joblib")
    _write_bundle(pipeline, table.contract, files / "bundle", table.snapshot.digest)
    return Portfolio(files, [row_of(record) for record in test.to_dict("records")], expected)


def row_of(record: dict[Any, Any]) -> Row:
    """A row as JSON has it: whole numbers without a point, null for what is missing."""
    row: Row = {}
    for name, value in record.items():
        if isinstance(value, float):
            row[name] = None if np.isnan(value) else int(value) if value.is_integer() else value
        else:
            row[name] = value
    return row


def _write_mlflow(pipeline: Pipeline, folder: Path) -> None:
    # the peer is to serve it as it is used: from a pickle, of which MLflow warns
    logging.getLogger("mlflow.sklearn").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow.sklearn.save_model(
            pipeline, folder, pyfunc_predict_fn="predict_proba", serialization_format="cloudpickle",
            pip_requirements=[],
        )  # fmt: skip


def _write_mlserver(folder: Path, model: Path) -> None:
    folder.mkdir()
    settings = {
        "name": NAME,
        "implementation": "mlserver_sklearn.SKLearnModel",
        "parameters": {"uri": str(model)},
    }
    (folder / "model-settings.json").write_text(json.dumps(settings), encoding="utf-8")


def _write_bundle(pipeline: Pipeline, contract: Contract, folder: Path, snapshot: str) -> None:
    """A bundle that a server can load. It is for this benchmark alone: no gate was asked."""
    folder.mkdir()
    (folder / "model.onnx").write_bytes(compile_pipeline(pipeline, contract).model)
    (folder / "schema.json").write_bytes(contract.to_json())
    (folder / "threshold.json").write_text('{"threshold": 0.5, "criterion": "fixed"}\n', encoding="utf-8")
    for document in ("metrics.json", "parity.json", "gates.json"):
        (folder / document).write_text("{}\n", encoding="utf-8")
    write_bundle(
        folder,
        name=NAME,
        created="2026-01-01T00:00:00+00:00",
        git_commit="0" * 40,
        run="benchmark",
        snapshot=snapshot,
        environment="0" * 64,
        runtime={},
    )
