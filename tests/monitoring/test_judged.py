"""The law of alarms, replayed with fixed seeds: rare where nothing changed, and the sooner the larger a shift is."""

from __future__ import annotations

import numpy as np
import pytest

from tabi.contract.bins import Bins, CategoricalBins, NumericBins
from tabi.monitoring.judged import ColumnDrift, Rules, judge

REFERENCE_ROWS = 20_000
WINDOWS = 200
ROWS = 400
RULES = Rules()
EDGES = np.linspace(-1.5, 1.5, 9)


def binned(values: np.ndarray) -> np.ndarray:
    return np.append(np.bincount(np.searchsorted(EDGES, values), minlength=len(EDGES) + 1), 0)


def made(seed: int, rows: int, shift: float = 0.0, share: float = 0.0) -> dict[str, np.ndarray]:
    """Counts of rows: one column of numbers, one with rare categories, two more that never change."""
    random = np.random.default_rng(seed)
    rare = np.r_[0.8 * (1 - share), np.full(20, 0.01) * (1 - share), share]
    return {
        "number": binned(random.normal(shift, 1, rows)),
        "category": random.multinomial(rows, rare / rare.sum()),
        "other number": binned(random.normal(size=rows)),
        "other category": random.multinomial(rows, [0.5, 0.3, 0.2]),
    }


def bins() -> dict[str, Bins]:
    found: dict[str, Bins] = {}
    for name, counts in made(0, REFERENCE_ROWS).items():
        rows = tuple(int(count) for count in counts)
        names = tuple(f"b{place}" for place in range(len(rows)))
        found[name] = NumericBins(EDGES, names, rows) if "number" in name else CategoricalBins({}, 0, names, rows)
    return found


BINS = bins()


def drifted(columns: list[ColumnDrift]) -> set[str]:
    return {column.column for column in columns if column.status == "drift"}


def delay(shift: float, share: float = 0.0) -> int:
    """Windows until anything alarms; 21 where twenty do not."""
    for window in range(20):
        if drifted(judge(made(100 + window, ROWS, shift, share), BINS, RULES)):
            return window + 1
    return 21


def test_of_200_clean_windows_at_most_one_in_a_hundred_alarms() -> None:
    alarms = sum(bool(drifted(judge(made(1000 + seed, ROWS), BINS, RULES))) for seed in range(WINDOWS))
    assert alarms <= WINDOWS * RULES.alpha


def test_the_larger_a_shift_the_sooner_it_is_seen() -> None:
    delays = [delay(shift) for shift in (0.0, 0.2, 0.3, 0.5, 1.0)]
    assert delays == sorted(delays, reverse=True)
    assert delays[0] == 21
    assert delays[-2:] == [1, 1]
    assert delay(0.0, share=0.2) == 1


def test_only_the_column_that_moved_is_named_and_it_comes_first() -> None:
    columns = judge(made(5, ROWS, shift=0.8), BINS, RULES)
    assert (drifted(columns), columns[0].column) == ({"number"}, "number")
    assert columns[0].adjusted < 1e-6


def test_a_small_difference_in_a_large_window_is_told_and_wakes_nobody() -> None:
    columns = judge(made(6, 50_000, shift=0.1), BINS, RULES)
    first = columns[0]
    assert (first.column, first.status) == ("number", "differs")
    assert first.bound < first.psi < RULES.floor


@pytest.mark.parametrize("rows", [8, 99])
def test_few_rows_raise_no_alarm_whatever_they_are(rows: int) -> None:
    columns = judge(made(7, rows, shift=5.0), BINS, RULES)
    assert {column.status for column in columns} == {"few rows"}
    assert columns[0].needed is not None
    assert columns[0].needed > rows


def test_missing_values_are_seen_where_no_number_moved() -> None:
    counts = made(8, ROWS)
    counts["number"][-1] = 100
    assert drifted(judge(counts, BINS, RULES)) == {"number"}


def test_a_column_without_rows_in_its_reference_is_not_judged() -> None:
    empty = NumericBins(EDGES, tuple("abcdefghijk"), (0,) * 11)
    assert judge({"number": made(1, ROWS)["number"]}, {"number": empty}, RULES) == []
