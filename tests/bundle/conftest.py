"""A tiny real bundle: two numeric columns, a float64 graph that adds them and gives the logistic of the sum."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from tabi.bundle import Manifest, write_bundle
from tabi.contract import Contract, NumericColumn, Target

CONTRACT = Contract(
    name="tiny",
    columns=(NumericColumn("x"), NumericColumn("y", minimum=0)),
    target=Target("label", ("no", "yes")),
)


def graph() -> bytes:
    numeric = helper.make_tensor_value_info("numeric", TensorProto.DOUBLE, ["N", 2])
    probability = helper.make_tensor_value_info("probability", TensorProto.DOUBLE, ["N"])
    axes = helper.make_tensor("axes", TensorProto.INT64, [1], [1])
    nodes = [
        helper.make_node("ReduceSum", ["numeric", "axes"], ["sum"], keepdims=0),
        helper.make_node("Sigmoid", ["sum"], ["probability"]),
    ]
    model = helper.make_model(
        helper.make_graph(nodes, "tiny", [numeric], [probability], [axes]),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=10,
    )
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with everything that a bundle needs but the manifest."""
    folder = tmp_path / "bundle"
    (folder / "reports").mkdir(parents=True)
    (folder / "model.onnx").write_bytes(graph())
    (folder / "schema.json").write_bytes(CONTRACT.to_json())
    (folder / "threshold.json").write_text('{"threshold": 0.4, "criterion": "f1"}\n')
    (folder / "metrics.json").write_text('{"AUC": 0.9}\n')
    (folder / "parity.json").write_text('{"max_difference": 0.0}\n')
    (folder / "gates.json").write_text('{"gates": []}\n')
    (folder / "MODEL_CARD.md").write_text("# tiny\n")
    (folder / "reports" / "roc.svg").write_text("<svg/>\n")
    return folder


@pytest.fixture
def write() -> Callable[[Path], Manifest]:
    """Writes the manifest of a folder."""

    def write_manifest(folder: Path) -> Manifest:
        return write_bundle(
            folder,
            name="tiny",
            created="2026-11-21T09:00:00+00:00",
            git_commit="c0ffee",
            run="1",
            snapshot="2" * 64,
            environment="3" * 64,
            runtime={"onnxruntime": ">=1.22"},
        )

    return write_manifest


@pytest.fixture
def bundle(files: Path, write: Callable[[Path], Manifest]) -> Path:
    """The folder of a written bundle."""
    write(files)
    return files
