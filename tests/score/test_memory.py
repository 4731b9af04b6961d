"""Memory holds a few blocks, not the file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.score.conftest import Bench, some_rows, write

SMALL, TIMES = 30_000, 10
# what the allocators keep for themselves differs from run to run
SLACK_KIB = 48 * 1024
PEAK = """
import resource, sys
from pathlib import Path
from tabi.score import Options, score_files
bundle, given, output = map(Path, sys.argv[1:])
score_files(bundle, given, output, Options(jobs=1))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak_kib(bench: Bench, given: Path) -> int:
    arguments = [sys.executable, "-c", PEAK, str(bench.harbour.path()), str(given), str(bench.output)]
    done = subprocess.run(arguments, env={**os.environ}, capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.parametrize("form", ["rows.parquet", "rows.csv"])
def test_the_peak_does_not_grow_with_a_file_that_is_ten_times_as_large(bench: Bench, tmp_path: Path, form: str) -> None:
    rows = some_rows(SMALL)
    small = peak_kib(bench, write(tmp_path / form, rows))
    large = write(tmp_path / form, rows * TIMES)
    assert peak_kib(bench, large) < small + SLACK_KIB
