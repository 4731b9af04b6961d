"""What a protocol is given and what it gives back. It knows neither the web server nor the log."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from tabi.serving.messages import Response, Row
from tabi.serving.model import Decisions, Model, PathOf

__all__ = ["Decide", "Found", "Request", "Response"]

Decide = Callable[[Sequence[Row], PathOf], Decisions]
"""`Model.decide`, or the server's own, which also writes the log and counts."""


class Found(NamedTuple):
    """A model and what decides for one request. `headers`: what its answer says of the arm, if there are arms."""

    model: Model
    decide: Decide
    headers: tuple[tuple[str, str], ...] = ()


class Request(NamedTuple):
    """An HTTP request whose body has arrived. `headers` by lower-case name."""

    headers: Mapping[str, str]
    query: str
    body: bytes
    request_id: str
