"""Durations of the rules. Every window is made here, so that a test can run the same rules in seconds."""

from __future__ import annotations

from typing import NamedTuple

HOUR, DAY = 60, 24 * 60
"""In minutes."""


class Clock(NamedTuple):
    """`minute_s`: how many seconds a minute of the rules has.

    `least_s`: no window is shorter, or it would hold no rate. `interval_s`: between two evaluations, or two scrapes.
    """

    minute_s: float = 60.0
    least_s: float = 0.0
    interval_s: int = 15

    def seconds(self, minutes: float) -> int:
        """What so many minutes of the rules take."""
        return round(max(minutes * self.minute_s, self.least_s))

    def of(self, minutes: float) -> str:
        """As Prometheus writes it: in days from two of them on, else in the largest unit that fits."""
        seconds = self.seconds(minutes)
        for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
            if seconds % size == 0 and seconds >= (2 * size if unit == "d" else size):
                return f"{seconds // size}{unit}"
        return f"{seconds}s"

    @property
    def interval(self) -> str:
        """Between two evaluations."""
        return f"{self.interval_s}s"


REAL = Clock()
"""A minute is a minute."""
