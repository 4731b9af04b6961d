"""A fetch holds a batch of rows, not the table: three times the rows, and hardly more memory."""

from __future__ import annotations

import sys

import pytest

from benchmarks.data import measured

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(900),
    pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc"),
]

SMALL, LARGE = 300_000, 900_000
# The hash of a row takes 8 bytes, and as many again while the hashes are sorted; the rest is the allocator's. The
# table's own numbers would take 72, and its texts, as objects of Python, some hundreds.
BYTES_A_ROW = 60


def test_memory_does_not_grow_with_the_table() -> None:
    small, large = measured("parquet", SMALL), measured("parquet", LARGE)
    assert (small.rows, large.rows) == (SMALL, LARGE)
    grown = (large.peak_mib - small.peak_mib) * 2**20
    assert grown / (LARGE - SMALL) < BYTES_A_ROW
