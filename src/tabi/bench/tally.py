"""What became of the requests of a run. Each request that was begun ends here once: answered or failed."""

from __future__ import annotations

from collections import Counter
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

Failure = Literal["connect", "dropped", "framing", "no_answer"]
"""No connection could be made; it ended before the answer did; the answer has no known end; none came in time."""


class Sample(msgspec.Struct, frozen=True):
    """One answer: which of the bodies was sent, the status, and what came back."""

    body: int
    status: int
    answer: bytes


class LoadResult(msgspec.Struct, frozen=True):
    """Figures of one run.

    `requests`: answers of status 2xx that count, that is, after the warm-up; `rps` and the latencies are theirs alone.
    `sent`: requests begun, warm-up included. `statuses`: answers of any other status, and `failures`: requests
    without an answer, both from the first request on: a warm-up hides no error.
    `answered`: all answers of status 2xx. So sent == answered + sum of statuses + sum of failures.
    `generator_cpu_us`: what a request cost the generator itself; `generator_busy`: its share of one core. Where that
    comes near 1, the figures are the generator's and not the server's.
    """

    requests: int
    seconds: float
    rps: float
    p50_ms: float | None
    p90_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    max_ms: float | None
    sent: int
    answered: int
    statuses: dict[int, int]
    failures: dict[str, int]
    reconnects: int
    generator_cpu_us: float
    generator_busy: float
    samples: list[Sample] = []

    @property
    def errors(self) -> int:
        """Requests that were not answered with 2xx."""
        return sum(self.statuses.values()) + sum(self.failures.values())


class Tally:
    """Counts answers and failures, and keeps the latencies of those that count."""

    def __init__(self, capacity: int, sample_every: int, max_samples: int) -> None:
        self.answered = 0
        self.counted = 0
        self.statuses: Counter[int] = Counter()
        self.failures: Counter[str] = Counter()
        self.samples: list[Sample] = []
        self._latencies: npt.NDArray[np.float64] = np.empty(capacity)
        self._every = sample_every
        self._max_samples = max_samples
        self._seen = 0

    @property
    def ended(self) -> int:
        """Requests that ended, in whatever way."""
        return self.answered + self.statuses.total() + self.failures.total()

    def good(self, seconds: float, counts: bool) -> None:
        """An answer of status 2xx after `seconds`; `counts`: it is after the warm-up."""
        self.answered += 1
        if counts:
            if self.counted == len(self._latencies):
                self._latencies = np.concatenate([self._latencies, np.empty(len(self._latencies))])
            self._latencies[self.counted] = seconds
            self.counted += 1

    def sample(self, body: int, status: int, answer: bytes | bytearray) -> None:
        """Keep this answer if its turn has come."""
        if self._every:
            if self._seen % self._every == 0 and len(self.samples) < self._max_samples:
                self.samples.append(Sample(body, status, bytes(answer)))
            self._seen += 1

    def result(self, *, seconds: float, sent: int, reconnects: int, cpu: float, wall: float) -> LoadResult:
        """Figures of the run. `seconds`: the length of what counts; `wall`: of all, of which `cpu` was ours."""
        p50, p90, p95, p99, longest = self._percentiles()
        return LoadResult(
            requests=self.counted,
            seconds=seconds,
            rps=self.counted / seconds if seconds > 0 else 0.0,
            p50_ms=p50,
            p90_ms=p90,
            p95_ms=p95,
            p99_ms=p99,
            max_ms=longest,
            sent=sent,
            answered=self.answered,
            statuses=dict(self.statuses),
            failures=dict(self.failures),
            reconnects=reconnects,
            generator_cpu_us=cpu * 1e6 / max(self.ended, 1),
            generator_busy=cpu / wall,
            samples=self.samples,
        )

    def _percentiles(self) -> list[float] | list[None]:
        """p50, p90, p95, p99 and the maximum in milliseconds."""
        if self.counted == 0:
            return [None] * 5
        found = np.percentile(self._latencies[: self.counted] * 1e3, [50, 90, 95, 99, 100])
        return [round(float(ms), 4) for ms in found]
