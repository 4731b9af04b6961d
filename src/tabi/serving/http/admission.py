"""Back-pressure: how much one worker holds at once. What is more is refused before it costs memory.

Small requests are never refused for the sake of large ones: of requests that are answered at once, and of bytes that
are held, large ones may take a part only.
"""

from __future__ import annotations

from collections.abc import Callable

from tabi.serving.settings import Limits

# bytes of a body that is small: what an endpoint answers on the event loop is not larger
SMALL = 64 * 1024


class Admission:
    """Counts requests that are being answered, and bytes that are held for clients.

    Changed by the event loop alone, so it needs no lock.
    """

    def __init__(self, limits: Limits, tell_large: Callable[[int], object] = int) -> None:
        """`tell_large` hears how many large requests there are, whenever that changes."""
        self._tell_large = tell_large
        self.in_flight = 0
        self.large_in_flight = 0
        self.buffered = 0
        self._in_flight = limits.in_flight
        self._large_in_flight = max(1, limits.in_flight // 4)
        self._buffered = limits.buffered
        self._large_buffered = limits.buffered // 4 * 3

    def enter(self) -> bool:
        """Take in a request that is answered on the event loop; False if there are too many."""
        if self.in_flight >= self._in_flight:
            return False
        self.in_flight += 1
        return True

    def leave(self) -> None:
        """Such a request has been answered."""
        self.in_flight -= 1

    def enter_large(self) -> bool:
        """Take in a request that is answered in a thread; False if there are too many."""
        if self.large_in_flight >= self._large_in_flight or self.full:
            return False
        self.large_in_flight += 1
        self._tell_large(self.large_in_flight)
        return True

    def leave_large(self) -> None:
        """Such a request has been answered."""
        self.large_in_flight -= 1
        self._tell_large(self.large_in_flight)

    @property
    def full(self) -> bool:
        """Whether as much is held as large requests may take. Also asked by the thread that answers them."""
        return self.buffered > self._large_buffered

    def hold(self, size: int, *, small: bool = True) -> bool:
        """Hold `size` more bytes of what a client sends or has not read; False if too many are held already."""
        if self.buffered + size > (self._buffered if small else self._large_buffered):
            return False
        self.buffered += size
        return True

    def add(self, size: int) -> None:
        """Hold `size` bytes that are there already, whatever else is held: what comes next will be refused."""
        self.buffered += size

    def free(self, size: int) -> None:
        """`size` bytes are held no more."""
        self.buffered -= size
