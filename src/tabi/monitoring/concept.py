"""Drift of the concept: the errors on labelled rows in the order of time, by the detectors of river."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from tabi.contract.bins import Floats

# a stream of fewer labelled rows has no change to speak of
LEAST = 60

Detector = Literal["adwin", "page-hinkley"]


class Change(msgspec.Struct, frozen=True):
    """A change of the errors. `at`: seconds since 1970 of the row at which it was seen, and `begin`: since when.

    `before` and `after`: the mean error of the rows before `begin` and since then.
    """

    detector: Detector
    at: float
    begin: float
    before: float
    after: float

    @property
    def worse(self) -> bool:
        """Whether errors rose."""
        return self.after > self.before


def changes(times: Sequence[float] | Floats, errors: Sequence[float] | Floats, delta: float = 0.002) -> list[Change]:
    """Every change that ADWIN or Page-Hinkley's test sees; `times` ascending, `errors` between 0 and 1.

    ADWIN (Bifet and Gavaldà, SIAM SDM 2007) keeps a window that it cuts where two parts of it differ: `delta` bounds
    the probability of a false cut, and the cut tells since when. Page-Hinkley's test (Page, Biometrika 1954) sums what
    is above the mean so far; its threshold is so high that only a large and lasting rise passes it.
    """
    if len(errors) < LEAST:
        return []
    found = _adwin(times, errors, delta) + _page_hinkley(times, errors)
    return sorted(found, key=lambda change: change.at)


def _adwin(times: Sequence[float] | Floats, errors: Sequence[float] | Floats, delta: float) -> list[Change]:
    from river.drift import ADWIN

    detector = ADWIN(delta=delta)  # type: ignore[no-untyped-call]
    found, first = [], 0
    for row, error in enumerate(errors):
        detector.update(float(error))  # type: ignore[no-untyped-call]
        if detector.drift_detected:
            begin = row + 1 - int(detector.width)
            found.append(_change("adwin", times, errors, (first, begin, row)))
            first = begin
    return [change for change in found if change is not None]


def _page_hinkley(times: Sequence[float] | Floats, errors: Sequence[float] | Floats) -> list[Change]:
    from river.drift import PageHinkley

    detector = PageHinkley(min_instances=LEAST, delta=0.02, threshold=20.0, mode="up")
    found, first = [], 0
    total, least, since = 0.0, 0.0, 0
    mean = 0.0
    for row, error in enumerate(errors):
        detector.update(float(error))  # type: ignore[no-untyped-call]
        # river does not tell since when: the last row at which the sum was at its least
        count = row - first + 1
        mean += (float(error) - mean) / count
        total += float(error) - mean - 0.02
        if total <= least:
            least, since = total, row + 1
        if detector.drift_detected:
            found.append(_change("page-hinkley", times, errors, (first, min(since, row), row)))
            first, total, least, since, mean = row + 1, 0.0, 0.0, row + 1, 0.0
    return [change for change in found if change is not None]


def _change(
    detector: Detector, times: Sequence[float] | Floats, errors: Sequence[float] | Floats, rows: tuple[int, int, int]
) -> Change | None:
    """`rows`: the first of what was before, the first of what is since, and the one at which it was seen."""
    first, begin, seen = rows
    if not first < begin <= seen:
        return None
    before, after = errors[first:begin], errors[begin : seen + 1]
    means = [float(sum(part)) / len(part) for part in (before, after)]
    return Change(detector, float(times[seen]), float(times[begin]), means[0], means[1])
