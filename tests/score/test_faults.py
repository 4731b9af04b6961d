"""Kills, full disks and two runs at once: the output is whole or not there, and the next call goes on."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tabi.errors import ConflictError, TabiError
from tabi.score import parts as parts_module
from tests.score.conftest import Bench, some_rows, write

# slow: real trainings, processes and kills
pytestmark = pytest.mark.system

ROWS, BATCH = 3000, 30
LIMIT_S = 60


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    return write(tmp_path / "rows.ndjson", some_rows(ROWS))


def command(bench: Bench, given: Path, *more: str) -> list[str]:
    # a shell that starts its jobs in the background lets them ignore SIGINT, and these inherit it; and a test is too
    # short for scoring processes to start by themselves
    run = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from tabi.score import pool; pool.START_AFTER_S = pool.LEFT_S = 0; from tabi.cli.main import main; main()"
    )
    tabi = [sys.executable, "-c", run, "score", "voyage", str(given), str(bench.output)]
    return [*tabi, "--batch-rows", str(BATCH), *more]


def start(bench: Bench, given: Path, *more: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "TABI_STORE": str(bench.harbour.store.root)}
    return subprocess.Popen(
        command(bench, given, *more), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def done_parts(bench: Bench) -> int:
    folder = bench.folder / ".scores.parquet.parts"
    return len(list(folder.glob("*/*.arrow"))) if folder.exists() else 0


def wait_for_parts(bench: Bench, process: subprocess.Popen[str], count: int) -> None:
    end = time.monotonic() + LIMIT_S
    while done_parts(bench) < count and process.poll() is None and time.monotonic() < end:
        time.sleep(0.002)


def children_of(pid: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append(int(path.parent.name))
    return found


def wait_until_gone(pids: Sequence[int]) -> None:
    end = time.monotonic() + LIMIT_S
    while any(alive(pid) for pid in pids):
        assert time.monotonic() < end, "a scoring process outlived its parent"
        time.sleep(0.01)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def uninterrupted(bench: Bench, given: Path) -> bytes:
    bench.run(given, batch_rows=BATCH)
    whole = bench.output.read_bytes()
    bench.output.unlink()
    return whole


def test_a_run_that_is_killed_again_and_again_ends_as_if_it_had_not_been(bench: Bench, rows: Path) -> None:
    whole, chance, kills, most = uninterrupted(bench, rows), random.Random(7), 0, 0
    while kills < 3:
        process = start(bench, rows, "--jobs", "2")
        wait_for_parts(bench, process, most + chance.randrange(1, 12))
        workers = children_of(process.pid)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        wait_until_gone(workers)
        assert not bench.output.exists()
        assert done_parts(bench) >= most, "what was done is kept"
        most, kills = done_parts(bench), kills + 1
    assert most > 2
    summary = bench.run(rows, batch_rows=BATCH)
    assert summary.resumed == most * BATCH
    assert summary.counts.rows == ROWS
    assert bench.output.read_bytes() == whole
    assert bench.left() == {"scores.parquet"}


def test_a_kill_while_the_output_is_written_leaves_none_of_it(bench: Bench, rows: Path) -> None:
    whole = uninterrupted(bench, rows)
    process = start(bench, rows, "--jobs", "1")
    folder = bench.folder / ".scores.parquet.parts"
    end = time.monotonic() + LIMIT_S
    while not any(folder.glob("*/output")) and process.poll() is None and time.monotonic() < end:
        pass
    process.send_signal(signal.SIGKILL)
    process.communicate()
    if bench.output.exists():  # the kill came after the rename
        assert bench.output.read_bytes() == whole
    bench.run(rows, batch_rows=BATCH)
    assert bench.output.read_bytes() == whole


def interrupted(bench: Bench, given: Path) -> int:
    """A run that was killed somewhere in the middle; the parts that it left."""
    bench.output.unlink(missing_ok=True)
    process = start(bench, given, "--jobs", "1")
    wait_for_parts(bench, process, 5)
    process.kill()
    process.communicate()
    assert not bench.output.exists()
    return done_parts(bench)


def test_a_changed_input_model_or_option_starts_anew(bench: Bench, rows: Path) -> None:
    assert interrupted(bench, rows)
    assert bench.run(rows, batch_rows=BATCH + 1).resumed == 0
    assert interrupted(bench, rows)
    assert bench.run(rows, "linear", batch_rows=BATCH).resumed == 0
    assert interrupted(bench, rows)
    write(rows, some_rows(ROWS - 1))
    summary = bench.run(rows, batch_rows=BATCH)
    assert (summary.resumed, summary.counts.rows) == (0, ROWS - 1)
    assert bench.left() == {"scores.parquet"}


def test_two_runs_into_one_output_are_one_too_many(bench: Bench, rows: Path) -> None:
    with (
        parts_module.opened_parts(bench.output, "another"),
        pytest.raises(ConflictError, match="another run is writing"),
    ):
        bench.run(rows)
    bench.run(rows)


def test_what_a_killed_run_still_writes_is_no_part_of_another(bench: Bench) -> None:
    with parts_module.opened_parts(bench.output, "a" * 64) as killed:
        pass
    with parts_module.opened_parts(bench.output, "b" * 64) as other:
        with pytest.raises(FileNotFoundError):
            parts_module.write_synced(killed.folder / "000000.arrow", b"of other rows")
        assert not other.has(0)
        other.remove()
    assert bench.left() == set()


def test_a_part_that_was_damaged_is_told(bench: Bench, rows: Path) -> None:
    interrupted(bench, rows)
    (part,) = (bench.folder / ".scores.parquet.parts").glob("*/000001.arrow")
    part.write_bytes(part.read_bytes()[:100])
    with pytest.raises(TabiError, match="was damaged: remove that folder"):
        bench.run(rows, batch_rows=BATCH)


@pytest.mark.parametrize(
    ("limit", "jobs", "parts"), [(1_000, "1", False), (1_000, "2", False), (15_000, "1", True)], ids=str
)
def test_a_disk_that_takes_no_more_is_told_in_a_line_and_leaves_no_output(
    bench: Bench, rows: Path, limit: int, jobs: str, parts: bool
) -> None:
    whole = uninterrupted(bench, rows)
    assert len(whole) > 15_000, "the limit must cut it"
    limited = (
        f"import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit})); sys.argv[0] = 'tabi'; "
    )
    _, _, run, *arguments = command(bench, rows, "--jobs", jobs)
    # the measuring of coverage writes files of its own, and would say what it thinks of the limit
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    environment = {**kept, "TABI_STORE": str(bench.harbour.store.root), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", limited + run, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith("tabi: cannot write beside the output (File too large): free space and call again")
    assert done.stderr.count("\n") == 1
    assert not bench.output.exists()
    assert (done_parts(bench) > 0) == parts
    bench.run(rows, batch_rows=BATCH)
    assert bench.output.read_bytes() == whole


def test_a_scoring_process_that_dies_is_told_and_the_next_call_goes_on(bench: Bench, rows: Path) -> None:
    whole = uninterrupted(bench, rows)
    process = start(bench, rows, "--jobs", "2")
    wait_for_parts(bench, process, 3)
    workers = children_of(process.pid)
    os.kill(workers[0], signal.SIGKILL)
    _, said = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 1
    assert said.startswith("tabi: a scoring process ended by itself (signal 9): call again to go on")
    assert said.count("\n") == 1
    wait_until_gone(workers)
    assert not bench.output.exists()
    assert bench.run(rows, batch_rows=BATCH).resumed >= 3 * BATCH
    assert bench.output.read_bytes() == whole


def test_an_interrupt_leaves_no_process_and_what_was_done(bench: Bench, tmp_path: Path) -> None:
    # so many that it cannot be done before it is interrupted
    rows = write(tmp_path / "many.ndjson", some_rows(10 * ROWS))
    process = start(bench, rows, "--jobs", "2")
    wait_for_parts(bench, process, 3)
    workers = children_of(process.pid)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=LIMIT_S)
    assert process.returncode == 130
    wait_until_gone(workers)
    assert bench.run(rows, batch_rows=BATCH).resumed >= 3 * BATCH
    assert pq.read_metadata(bench.output).num_rows == 10 * ROWS
