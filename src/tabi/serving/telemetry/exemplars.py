"""Exemplars: the trace of the last sampled request in each bucket of a histogram."""

from __future__ import annotations

from collections.abc import Mapping
from time import time_ns
from typing import NamedTuple

from tabi.serving.telemetry.cells import Cells, Counts

SUFFIX = ":exemplars"
# when, the two halves of the trace's id, the value
_WIDTH = 4
_HALF = (1 << 64) - 1


class Exemplar(NamedTuple):
    """`at`: nanoseconds since 1970. `value`: in the histogram's cells' unit."""

    at: int
    trace_id: str
    value: int


class Exemplars:
    """One for each of a histogram's buckets; the latest stays."""

    def __init__(self, cells: Cells, histogram: str, labels: Mapping[str, str], buckets: int) -> None:
        self._cells = cells.array(histogram + SUFFIX, labels, buckets * _WIDTH)

    def set(self, bucket: int, trace_id: int, value: int) -> None:
        """Let a sampled request stand for its bucket."""
        cells, start = self._cells, bucket * _WIDTH
        # a reader passes over what has no time yet
        cells[start] = 0
        cells[start + 1] = _signed(trace_id >> 64)
        cells[start + 2] = _signed(trace_id & _HALF)
        cells[start + 3] = value
        cells[start] = time_ns()


def exemplars_of(counts: Counts) -> list[Exemplar | None]:
    """The exemplar of each bucket, from the cells of one worker."""
    found = []
    for at, high, low, value in counts.reshape(-1, _WIDTH).tolist():
        trace_id = f"{high & _HALF:016x}{low & _HALF:016x}"
        found.append(Exemplar(at, trace_id, value) if at else None)
    return found


def _signed(half: int) -> int:
    return half - (1 << 64) if half >> 63 else half
