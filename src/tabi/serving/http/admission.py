"""Back-pressure: how much one worker holds at once. What is more is refused before it costs memory."""

from __future__ import annotations

from tabi.serving.settings import Limits


class Admission:
    """Counts requests and the bytes of their bodies. Used by the event loop alone, so it needs no lock."""

    def __init__(self, limits: Limits) -> None:
        self.in_flight = 0
        self.buffered = 0
        self._limits = limits

    def enter(self) -> bool:
        """Take one request in; False if there are too many."""
        if self.in_flight >= self._limits.in_flight:
            return False
        self.in_flight += 1
        return True

    def leave(self, held: int) -> None:
        """A request has been answered, and its `held` bytes are free."""
        self.in_flight -= 1
        self.buffered -= held

    def hold(self, size: int) -> bool:
        """Take `size` more bytes of a body in; False if too many are held already."""
        if self.buffered + size > self._limits.buffered:
            return False
        self.buffered += size
        return True
