"""The Open Inference Protocol, version 2, over gRPC: `inference.GRPCInferenceService`. Needs the extra `grpc`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tabi.errors import ConfigError

if TYPE_CHECKING:
    from tabi.serving.protocols.grpc.server import Models, Running

__all__ = ["start"]


async def start(models: Models, ready: Callable[[], bool], listen: str) -> Running:
    """Answer at `listen`, on the running event loop; `ConfigError` if that cannot be. See `server.start`."""
    try:
        # more than ten megabytes of memory, which a server without gRPC keeps
        from tabi.serving.protocols.grpc import server
    except ModuleNotFoundError as error:
        raise ConfigError("gRPC needs grpcio and protobuf: pip install 'tabi[grpc]'") from error
    return await server.start(models, ready, listen)
