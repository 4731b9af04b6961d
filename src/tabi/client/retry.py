"""When a call is sent again, and after how long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import Random

from tabi.client.errors import InputError

_random = Random()  # noqa: S311  spreads clients over time, and hides nothing


@dataclass(frozen=True)
class Retry:
    """Full jitter: before attempt n + 1 a random time between 0 and `first` x 2^(n-1) seconds, but at most `cap`.

    `attempts` counts the first one too: 1 means never again. A Retry-After of the server is the least time; one above
    `longest` seconds ends the call at once.
    """

    attempts: int = 4
    first: float = 0.1
    cap: float = 5.0
    longest: float = 30.0

    def __post_init__(self) -> None:
        if self.attempts < 1 or min(self.first, self.cap, self.longest) < 0:
            raise InputError("Retry: attempts must be at least 1, and no time may be negative")

    def pause(self, attempt: int, retry_after: float | None = None, random: Random = _random) -> float | None:
        """Seconds to wait after the failed attempt number `attempt`, the first being 1. `None`: not again."""
        if attempt >= self.attempts or (retry_after or 0) > self.longest:
            return None
        return (retry_after or 0) + random.uniform(0, min(self.cap, self.first * 2.0 ** min(attempt - 1, 60)))


def seconds_of(retry_after: str | None) -> float | None:
    """What a Retry-After header asks for, as seconds or as a date; `None` if it cannot be read."""
    if retry_after is None:
        return None
    if retry_after.isascii() and retry_after.isdigit():
        # more digits than a float has room for are only another way to say never
        return float(retry_after[:300])
    try:
        when = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())
