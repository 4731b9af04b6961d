"""A fetch holds a batch of rows, not the table: ten million rows fit 2 GiB."""

from __future__ import annotations

import sys

import pytest

from benchmarks.data import LIMIT_MIB, ROWS, measured

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(900),
    pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc"),
]

SMALL, LARGE = 300_000, 900_000


def test_the_memory_that_a_row_takes_leaves_room_for_ten_million() -> None:
    small, large = measured("parquet", SMALL), measured("parquet", LARGE)
    assert (small.rows, large.rows) == (SMALL, LARGE)
    # A line through both is above the truth: up to a million rows a column of numbers is sorted at once, and no more
    # after that. The table itself would take some hundred bytes a row, and break it.
    slope = (large.peak_mib - small.peak_mib) / (LARGE - SMALL)
    assert small.peak_mib + slope * (ROWS - SMALL) < LIMIT_MIB
