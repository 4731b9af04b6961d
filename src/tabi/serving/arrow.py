"""Bodies and answers in Arrow's formats. Its library is imported with the first of them."""

from __future__ import annotations

from collections.abc import Iterator

from tabi.serving.model import Decisions, Model
from tabi.serving.slot import Read


def read_stream(body: bytes, model: Model) -> Iterator[Read]:
    """The rows of an Arrow IPC stream."""
    raise NotImplementedError


def read_parquet(body: bytes, model: Model) -> Iterator[Read]:
    """The rows of a Parquet file."""
    raise NotImplementedError


def write_stream(decided: Decisions, model: Model) -> bytes:
    """Predictions as an Arrow IPC stream."""
    raise NotImplementedError
