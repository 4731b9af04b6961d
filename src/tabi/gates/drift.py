"""How far the new snapshot is from the one that the champion was made of, column by column.

The population stability index of the new rows in the bins of the champion's contract. Half a row is added to each bin,
so that an empty one has a logarithm. Below 0.1 is called no change, above 0.25 a large one.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from tabi.contract import CategoricalColumn, Column, NumericColumn
from tabi.gates.candidate import Candidate
from tabi.gates.verdict import Verdict, level_above

GATE = "drift"
PSI = 0.25
Counts = npt.NDArray[np.float64]


def drift_gate(candidate: Candidate) -> Verdict:
    """Fail where a column is further away than the project's bound, warn above the usual one."""
    champion = candidate.champion
    if champion is None:
        return Verdict(GATE, "skipped", {}, candidate.fault or "there is no earlier release to compare with")
    if champion.bundle.manifest.snapshot == candidate.run.snapshot_digest:
        return Verdict(GATE, "pass", {"psi": 0.0}, f"the snapshot is that of the champion {champion.short}")
    before = {column.name: column for column in champion.contract.columns}
    found = {}
    for name in candidate.table.X.columns:
        counts = _counts(before[name], candidate.table.X[name]) if name in before else None
        if counts is not None:
            found[name] = psi(*counts)
    names = {column.name for column in candidate.contract.columns}
    new, gone = sorted(names - set(before)), sorted(set(before) - names)
    column, largest = max(found.items(), key=lambda item: item[1], default=("", 0.0))
    level = level_above(largest, candidate.gates.drift.psi_maximum, PSI)
    told = ["no column is in both"]
    if found:
        told = [f"column {column!r} moved most, PSI {largest:.3f}, against {champion.short}"]
    told += [f"{what}: {', '.join(map(repr, which[:5]))}" for what, which in (("new", new), ("gone", gone)) if which]
    if new or gone:
        level = "warn" if level == "pass" else level
    report = candidate.report(
        GATE, {"champion": champion.bundle.id, "columns": found, "new_columns": new, "gone_columns": gone}
    )
    return Verdict(GATE, level, {"psi": largest}, "; ".join(told), report)


def psi(before: Counts, after: Counts) -> float:
    """The population stability index of two counts over the same bins: 0 where their shares are equal, else more."""
    first, second = (counts + 0.5 for counts in (before, after))
    first, second = first / first.sum(), second / second.sum()
    return float(((second - first) * np.log(second / first)).sum())


def _counts(column: Column, series: pd.Series) -> tuple[Counts, Counts] | None:
    """Rows by bin of the earlier column, then and now. None where it has no reference or is of another kind now."""
    reference = column.reference
    if reference is None:
        return None
    missing = series.isna().to_numpy()
    held = series[~missing]
    if isinstance(column, CategoricalColumn):
        places = {category: place for place, category in enumerate(column.categories)}
        coded = np.array([places.get(value, len(places)) for value in held], dtype=np.int64)
        then = [*column.reference.counts, column.reference.other] if column.reference else []
        return _with_missing(then, coded, len(places) + 1, int(missing.sum()), reference.missing)
    if (series.dtype == object) is isinstance(column, NumericColumn):
        return None
    values = held.str.len() if series.dtype == object else held
    edges = np.asarray(getattr(reference, "edges", ()), dtype=np.float64)
    coded = np.searchsorted(edges, values.to_numpy(dtype=np.float64), side="left")
    return _with_missing(reference.counts, coded, len(edges) + 1, int(missing.sum()), reference.missing)


def _with_missing(
    then: object, coded: npt.NDArray[np.int64], bins: int, missing: int, missing_then: int
) -> tuple[Counts, Counts]:
    before = np.append(np.asarray(then, dtype=np.float64), missing_then)
    return before, np.append(np.bincount(coded, minlength=bins), missing).astype(np.float64)
