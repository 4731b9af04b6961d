"""The seam between a request and its copies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tabi.serving.endpoints import Asking


class Copies(Protocol):
    """Takes copies of requests for the challenger of a shadow policy. It never waits and never raises."""

    def offer(self, label: str, asking: Asking, parts: Sequence[bytes], first: int | None = None) -> None:
        """Take a copy of a body, or count that it was dropped. `first`: of lines, the place of the first of them."""
