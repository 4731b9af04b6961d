"""Error slices: where the model is worst, by category, by bin, and by pairs of both, with confidence intervals.

Of a share of wrong rows the interval is Wilson's; of a mean absolute error it is a bootstrap's. A slice is listed if
even the favourable end of its interval is worse than all rows together. Hundreds of slices are looked at, so a few of
them are listed by chance.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tabi.training.reports.codes import Coded, coded_columns
from tabi.training.reports.pictures import Json, new_figure, shown
from tabi.training.reports.subject import Subject
from tabi.training.stages import Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEAST_ROWS = 30
LEAST_SHARE = 0.005
LISTED = 20
SHOWN = 12
# pairs of so many columns, those of the worst slices, or a wide table would take minutes
PAIRED_COLUMNS = 15
MOST_CELLS = 1_000_000
RESAMPLES = 500
# of a larger slice the normal interval says the same
MOST_RESAMPLED = 20_000
Z = 1.96


class Slice(NamedTuple):
    """Rows of one or two slices of columns: how many, their error, and its 95 % interval."""

    names: tuple[str, ...]
    rows: int
    error: float
    low: float
    high: float


def slices_report(subject: Subject) -> tuple[Json, Figure]:
    """The worst slices of the test rows, and their picture."""
    content = worst_slices(subject)
    return content, _figure(content)


def worst_slices(subject: Subject) -> Json:
    """The worst slices of the test rows."""
    errors = errors_of(subject)
    shares = subject.task != "regression"
    overall = float(errors.mean())
    least = max(LEAST_ROWS, int(LEAST_SHARE * len(errors)))
    columns = coded_columns(subject.contract, subject.test.X)
    single = {each.column: _slices((each,), errors, least, shares) for each in columns}
    worst = sorted(columns, key=lambda each: -max((found.low for found in single[each.column]), default=-np.inf))
    ends = {found.names[0]: found.low for each in single.values() for found in each}
    pairs = [
        found
        for pair in combinations(worst[:PAIRED_COLUMNS], 2)
        if len(pair[0].names) * len(pair[1].names) <= MOST_CELLS
        for found in _slices(pair, errors, least, shares)
        # a pair is worth a line only if it is worse than either of its parts
        if found.low > max(ends.get(name, -np.inf) for name in found.names)
    ]
    listed = sorted((found for each in single.values() for found in each), key=_badness)[:LISTED]
    listed_pairs = sorted(pairs, key=_badness)[:LISTED]
    if not shares:
        masks = {each.column: each for each in columns}
        listed = [_bootstrapped(found, masks, errors, subject.seed) for found in listed]
        listed_pairs = [_bootstrapped(found, masks, errors, subject.seed) for found in listed_pairs]
    return {
        "error": "share of wrong rows" if shares else "mean absolute error",
        "interval": "Wilson, 95 %" if shares else f"bootstrap of {RESAMPLES} samples, 95 %",
        "threshold": subject.threshold,
        "rows": len(errors),
        "least_rows": least,
        "overall": overall,
        "slices": [_told(found) for found in listed if found.low > overall],
        "pairs": [_told(found) for found in listed_pairs if found.low > overall],
    }


def errors_of(subject: Subject) -> Floats:
    """By test row: 1 where the decision is wrong, 0 where it is right; of a regression how far the value is off."""
    y, given = subject.test.y, subject.prediction
    if subject.task == "regression":
        return np.asarray(np.abs(given - y), dtype=np.float64)
    if subject.task == "multiclass":
        return np.asarray(given.argmax(axis=1) != y, dtype=np.float64)
    threshold = 0.5 if subject.threshold is None else subject.threshold
    return np.asarray((given >= threshold) != (y == 1), dtype=np.float64)


def wilson(wrong: Floats, rows: Floats) -> tuple[Floats, Floats]:
    """Wilson's 95 % interval of a share."""
    share = wrong / rows
    middle = share + Z**2 / (2 * rows)
    half = Z * np.sqrt(share * (1 - share) / rows + Z**2 / (4 * rows**2))
    scale = 1 + Z**2 / rows
    return (middle - half) / scale, (middle + half) / scale


def _slices(columns: tuple[Coded, ...], errors: Floats, least: int, shares: bool) -> list[Slice]:
    """All slices of one column, or of two together, that have enough rows."""
    code, width = columns[0].code, len(columns[0].names)
    for other in columns[1:]:
        code, width = code * len(other.names) + other.code, width * len(other.names)
    rows = np.bincount(code, minlength=width).astype(np.float64)
    kept = np.flatnonzero(rows >= least)
    total = np.asarray(np.bincount(code, errors, width)[kept], dtype=np.float64)
    count = rows[kept]
    if shares:
        low, high = wilson(total, count)
    else:
        squares = np.bincount(code, errors**2, width)[kept]
        spread = Z * np.sqrt(np.maximum(squares / count - (total / count) ** 2, 0) / count)
        low, high = total / count - spread, total / count + spread
    return [
        Slice(_names(columns, int(place)), int(n), float(t / n), float(a), float(b))
        for place, n, t, a, b in zip(kept, count, total, low, high, strict=True)
    ]


def _names(columns: tuple[Coded, ...], place: int) -> tuple[str, ...]:
    if len(columns) == 1:
        return (columns[0].names[place],)
    first, second = divmod(place, len(columns[1].names))
    return columns[0].names[first], columns[1].names[second]


def _bootstrapped(found: Slice, columns: dict[str, Coded], errors: Floats, seed: int) -> Slice:
    chosen = np.ones(len(errors), dtype=bool)
    for name in found.names:
        coded = next(each for each in columns.values() if name in each.names)
        chosen &= coded.code == coded.names.index(name)
    own = errors[chosen]
    if len(own) > MOST_RESAMPLED:
        return found
    means = np.random.default_rng(seed).choice(own, (RESAMPLES, len(own))).mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return found._replace(low=float(low), high=float(high))


def _badness(found: Slice) -> Any:
    return -found.low, found.names


def _told(found: Slice) -> Json:
    return {
        "slice": " and ".join(found.names),
        "rows": found.rows,
        "error": found.error,
        "low": found.low,
        "high": found.high,
    }


def _figure(content: Json) -> Figure:
    listed = sorted([*content["slices"], *content["pairs"]], key=lambda each: -each["low"])[:SHOWN][::-1]
    figure, axes = new_figure(1.5 + 0.35 * max(len(listed), 1), 9.0)
    axes.axvline(content["overall"], linestyle="--", color="0.6")
    for place, each in enumerate(listed):
        axes.plot([each["low"], each["high"]], [place, place], color="C0")
        axes.plot([each["error"]], [place], "o", color="C0")
    axes.set_yticks(range(len(listed)), [shown(f"{each['slice']} ({each['rows']})", 60) for each in listed])
    axes.tick_params(axis="y", labelsize="small")
    axes.set_xlabel(
        f"{content['error'].capitalize()} and its 95 % interval; dashed: all rows, {content['overall']:.3g}"
    )
    return figure
