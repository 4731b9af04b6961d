"""Columns of one window against their reference: the figures, and whether they are worth waking somebody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import msgspec
import numpy as np

from tabi.contract.bins import Bins, Counts, NumericBins
from tabi.monitoring.drift import jensen_shannon, psi
from tabi.monitoring.significance import (
    Tested,
    benjamini_hochberg,
    chi2_test,
    ks_test,
    psi_bound,
    rows_needed,
    used_bins,
)

Status = Literal["drift", "differs", "same", "few rows"]

SCORE = "(score)"
"""Stands for what was predicted, beside the columns."""


class Rules(NamedTuple):
    """When a column has drifted. `alpha`: the share of clean windows that may raise an alarm, over all their columns.

    `floor`: a smaller PSI is no alarm however sure it is. `least_rows`: nor is any in a smaller window.
    """

    alpha: float = 0.01
    floor: float = 0.1
    least_rows: int = 100


class ColumnDrift(msgspec.Struct, frozen=True):
    """What was found of one column. `bound`: the PSI that chance alone passes in as few windows as `alpha` says.

    `needed`: rows from which a PSI of the floor is more than chance; None where the reference is too small for that.
    `p`: of Kolmogorov-Smirnov's test for numbers, of Pearson's chi-squared for categories; `adjusted`: the same after
    Benjamini and Hochberg. `status`: drift, or a difference that is sure but small, or none, or too few rows to say.
    """

    column: str
    rows: int
    psi: float
    js: float
    bound: float
    needed: int | None
    test: str
    statistic: float
    p: float
    adjusted: float
    status: Status


def judge(counted: Mapping[str, Counts], bins: Mapping[str, Bins], rules: Rules) -> list[ColumnDrift]:
    """Every column that has a reference, the furthest from it first."""
    known = {name: of for name, of in bins.items() if name in counted and any(of.rows)}
    tested = {name: _test(of, counted[name]) for name, of in known.items()}
    adjusted = dict(zip(tested, benjamini_hochberg([test.p for test in tested.values()]), strict=True))
    found = [
        _column(name, np.array(of.rows), counted[name], tested[name], adjusted[name], rules, len(known))
        for name, of in known.items()
    ]
    return sorted(found, key=lambda each: each.psi, reverse=True)


def _column(
    name: str, reference: Counts, now: Counts, tested: Tested, adjusted: float, rules: Rules, tests: int
) -> ColumnDrift:
    rows, of_reference, bins = int(now.sum()), int(reference.sum()), used_bins(reference)
    distance = psi(reference, now)
    bound = psi_bound(bins, rows, of_reference, rules.alpha, tests)
    needed = rows_needed(bins, of_reference, rules.floor, rules.alpha, tests)
    status: Status = "same"
    if rows < rules.least_rows:
        status = "few rows"
    elif distance > bound and distance > rules.floor:
        status = "drift"
    elif needed is not None and rows < needed:
        status = "few rows"
    elif adjusted < rules.alpha:
        status = "differs"
    return ColumnDrift(
        column=name,
        rows=rows,
        psi=distance,
        js=jensen_shannon(reference, now),
        # a number that JSON has
        bound=min(bound, float(np.finfo(np.float64).max)),
        needed=None if needed is None else max(needed, rules.least_rows),
        test=tested.test,
        statistic=tested.statistic,
        p=tested.p,
        adjusted=adjusted,
        status=status,
    )


def _test(bins: Bins, now: Counts) -> Tested:
    """Numbers by their order; but where more of them are missing than were, that is what differs."""
    reference = np.array(bins.rows)
    if not isinstance(bins, NumericBins):
        return chi2_test(reference, now)
    ordered = ks_test(reference[:-1], now[:-1])
    missing = chi2_test(_split(reference), _split(now))
    # the smaller of two is smaller by chance twice as often
    least = min(ordered, missing, key=lambda tested: tested.p)
    return least._replace(p=min(1.0, 2 * least.p))


def _split(counts: Counts) -> Counts:
    """Rows that have a number, and rows that have none."""
    return np.array([counts[:-1].sum(), counts[-1]])
