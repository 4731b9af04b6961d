"""What the server and a model say of themselves."""

from __future__ import annotations

import json

from tabi import __version__
from tabi.serving.model import Model
from tabi.serving.protocols import oip


def test_the_server_says_its_version_and_its_extensions() -> None:
    assert json.loads(oip.server_metadata()) == {
        "name": "tabi",
        "version": __version__,
        "extensions": ["binary_tensor_data"],
    }


def test_a_model_has_one_tensor_for_each_column_of_its_contract(voyage: Model) -> None:
    told = json.loads(oip.model_metadata(voyage))
    assert (told["name"], told["versions"], told["platform"]) == ("voyage", [voyage.version], "onnx_onnxv1")
    assert [(t["name"], t["datatype"]) for t in told["inputs"]] == [
        ("age", "FP64"),
        ("sex", "BYTES"),
        ("fare", "FP64"),
        ("city", "BYTES"),
    ]
    assert [(t["name"], t["datatype"]) for t in told["outputs"]] == [("probability", "FP64"), ("label", "BYTES")]
    assert {tuple(t["shape"]) for t in told["inputs"] + told["outputs"]} == {(-1,)}


def test_readiness_is_told_as_it_is() -> None:
    assert json.loads(oip.server_live()) == {"live": True}
    assert [json.loads(oip.server_ready(ready=ready)) for ready in (True, False)] == [{"ready": True}, {"ready": False}]
    assert json.loads(oip.model_ready("voyage", ready=False)) == {"name": "voyage", "ready": False}
