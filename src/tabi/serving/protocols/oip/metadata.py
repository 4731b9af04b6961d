"""What the server and a model say of themselves."""

from __future__ import annotations

from tabi import __version__
from tabi.contract import NumericColumn
from tabi.serving.codec import encode
from tabi.serving.model import Model
from tabi.serving.protocols.oip.messages import ModelMetadata, ServerMetadata, TensorMetadata
from tabi.serving.protocols.oip.outputs import outputs_of

# the protocol's own word for a graph that ONNX Runtime runs
PLATFORM = "onnx_onnxv1"
SERVER = ServerMetadata("tabi", __version__, ["binary_tensor_data"])


def describe_model(model: Model) -> ModelMetadata:
    """A model's tensors: one for each column of its contract, and the outputs."""
    inputs = [
        TensorMetadata(column.name, "FP64" if isinstance(column, NumericColumn) else "BYTES", [-1])
        for column in model.contract.columns
    ]
    outputs = outputs_of(model.answers)
    return ModelMetadata(model.name, [model.version], PLATFORM, inputs, list(outputs.values()))


def server_metadata() -> bytes:
    """Answer to `GET /v2`."""
    return encode(SERVER)


def model_metadata(model: Model) -> bytes:
    """Answer to `GET /v2/models/{name}[/versions/{version}]`."""
    return encode(describe_model(model))


def server_live() -> bytes:
    """Answer to `GET /v2/health/live`."""
    return encode({"live": True})


def server_ready(*, ready: bool) -> bytes:
    """Answer to `GET /v2/health/ready`, whose status is 200 only if `ready`."""
    return encode({"ready": ready})


def model_ready(name: str, *, ready: bool) -> bytes:
    """Answer to `GET /v2/models/{name}[/versions/{version}]/ready`, whose status is 200 only if `ready`."""
    return encode({"name": name, "ready": ready})
