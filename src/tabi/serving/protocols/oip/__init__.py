"""The Open Inference Protocol, version 2, over REST. gRPC shares its datatypes, tensors and outputs."""

from tabi.serving.protocols.oip.metadata import (
    model_metadata,
    model_ready,
    server_live,
    server_metadata,
    server_ready,
)
from tabi.serving.protocols.oip.rest import failure, infer

__all__ = ["failure", "infer", "model_metadata", "model_ready", "server_live", "server_metadata", "server_ready"]
