"""The log keeps what it acknowledged, counts what it lost, and never stops its server."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, tzinfo
from pathlib import Path
from threading import Thread

import pytest

from tabi.predictions import LogReader, PredictionLog, encode_lines
from tabi.predictions import log as log_module
from tests.predictions.test_record import a_line


def ids(folder: Path) -> list[str]:
    return [line.id for line in LogReader(folder)]


def append(log: PredictionLog, *names: str) -> bool:
    return log.append(encode_lines([a_line(id=name) for name in names]), len(names))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every append may try to open a segment again."""
    monkeypatch.setattr(log_module, "RETRY_SECONDS", 0.0)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 64 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting needs the rights of root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_nothing_is_created_before_the_first_append(tmp_path: Path) -> None:
    PredictionLog(tmp_path / "log", 0).close()
    assert not (tmp_path / "log").exists()


def test_a_segment_is_named_by_its_start_its_worker_and_a_counter(tmp_path: Path) -> None:
    log = PredictionLog(tmp_path / "a" / "log", 7)
    assert append(log, "one")
    log.close()
    (path,) = (tmp_path / "a" / "log").iterdir()
    assert re.fullmatch(r"\d{8}T\d{6}\.\d{6}Z-007-000000\.jsonl", path.name)
    assert path.stat().st_mode & 0o007 == 0, "rows are not for everybody"


def test_appends_come_back_in_their_order(tmp_path: Path) -> None:
    log = PredictionLog(tmp_path, 0)
    assert append(log, "a", "b")
    assert append(log, "c")
    assert ids(tmp_path) == ["a", "b", "c"]
    log.close()
    assert append(log, "after a close")
    log.close()
    assert ids(tmp_path) == ["a", "b", "c", "after a close"]
    assert (log.lost, log.problem) == (0, None)


def test_a_full_segment_is_followed_by_another_and_no_append_is_divided(tmp_path: Path) -> None:
    size = len(encode_lines([a_line(id="00")]))
    log = PredictionLog(tmp_path, 0, segment_bytes=3 * size)
    for i in range(10):
        assert append(log, f"{i:02}")
    assert append(log, *(f"{i:02}" for i in range(10, 20)))
    log.close()
    assert [len(p.read_bytes()) // size for p in sorted(tmp_path.iterdir())] == [3, 3, 3, 1, 10]
    assert ids(tmp_path) == [f"{i:02}" for i in range(20)]


def test_an_old_segment_is_followed_by_another(tmp_path: Path) -> None:
    log = PredictionLog(tmp_path, 0, segment_seconds=0.0)
    assert append(log, "a")
    assert append(log, "b")
    log.close()
    assert len(list(tmp_path.iterdir())) == 2
    assert ids(tmp_path) == ["a", "b"]


def test_a_name_that_is_taken_is_left_to_who_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stopped(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Stopped:
            return cls(2026, 11, 21, 9, tzinfo=tz)

    monkeypatch.setattr(log_module, "datetime", Stopped)
    logs = [PredictionLog(tmp_path, 0) for _ in range(3)]
    for name, log in zip("abc", logs, strict=True):
        assert append(log, name)
        log.close()
    paths = sorted(tmp_path.iterdir())
    assert [path.name for path in paths] == [f"20261121T090000.000000Z-000-{i:06d}.jsonl" for i in range(3)]
    assert ids(tmp_path) == ["a", "b", "c"]


def test_two_logs_of_one_number_never_share_a_segment(tmp_path: Path) -> None:
    logs = [PredictionLog(tmp_path, 0, segment_bytes=1) for _ in range(2)]

    def write(log: PredictionLog, name: str) -> None:
        for i in range(200):
            append(log, f"{name}{i}")

    threads = [Thread(target=write, args=(log, name)) for log, name in zip(logs, "ab", strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for log in logs:
        log.close()
        assert log.lost == 0
    assert sorted(ids(tmp_path)) == sorted(f"{name}{i}" for name in "ab" for i in range(200))
    assert len(list(tmp_path.iterdir())) == 400


def test_threads_may_share_a_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = PredictionLog(tmp_path, 0, segment_bytes=300)
    write_now = os.write

    def write_late(descriptor: int, data: bytes) -> int:
        time.sleep(0.0002)
        return write_now(descriptor, data)

    # a slow disk: the others go on meanwhile, and each second append ends the segment
    monkeypatch.setattr(os, "write", write_late)

    def write(name: str) -> None:
        for i in range(100):
            append(log, f"{name}{i}")

    threads = [Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.close()
    found = ids(tmp_path)
    for name in "abcd":
        assert [i for i in found if i.startswith(name)] == [f"{name}{i}" for i in range(100)]
    assert (log.lost, len(found)) == (0, 400)


def test_a_full_disk_is_counted_and_told_and_left_behind(small_disk: Path) -> None:
    log = PredictionLog(small_disk, 0)
    acknowledged, lost = [], 0
    for i in range(400):
        names = [f"{i}.{row}" for row in range(3)]
        if append(log, *names):
            acknowledged += names
        else:
            lost += len(names)
    log.close()
    assert lost > 100
    assert log.problem is not None
    assert "free space" in log.problem
    # of an append that was cut, the lines that are whole are not lost
    whole = 3 * 400 - log.lost
    assert whole - len(acknowledged) in {0, 1, 2}
    found = ids(small_disk)
    assert len(found) == whole
    assert set(acknowledged) <= set(found)


def test_the_first_line_after_a_full_disk_is_not_swallowed_by_the_piece_before_it(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 32 * 1024)
    log = PredictionLog(small_disk, 0)
    while append(log, "before"):
        pass
    (segment,) = small_disk.glob("*.jsonl")
    assert not segment.read_bytes().endswith(b"\n"), "the disk was full in the middle of a line"
    ballast.unlink()
    assert append(log, "after")
    assert log.problem is None
    assert append(log, "last")
    log.close()
    reader = LogReader(small_disk)
    assert [line.id for line in reader][-2:] == ["after", "last"]
    assert reader.skipped == 1


def test_a_full_disk_is_not_filled_with_empty_segments(small_disk: Path) -> None:
    (small_disk / "ballast").write_bytes(b"x" * 60 * 1024)
    log = PredictionLog(small_disk, 0, segment_bytes=1)
    for _ in range(5):
        log.append(b"x" * 100_000 + b"\n", 1)
    log.close()
    assert log.lost == 5
    assert len(list(small_disk.glob("*.jsonl"))) <= 2


LIMITED = """
import resource, sys
from pathlib import Path
from tabi.predictions import PredictionLog, encode_lines
from tests.predictions.test_record import a_line
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
log = PredictionLog(Path(sys.argv[1]), 0)
print(sum(log.append(encode_lines([a_line(id=str(i))]), 1) for i in range(200)), log.lost)
assert log.problem
"""


def test_a_limit_on_files_is_a_loss_and_no_death(tmp_path: Path) -> None:
    command = [sys.executable, "-c", LIMITED, str(tmp_path)]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, env=in_repository())
    kept, lost = map(int, said.stdout.split())
    assert kept + lost == 200
    assert lost > 0
    assert ids(tmp_path) == [str(i) for i in range(kept)]


def in_repository() -> dict[str, str]:
    # what is killed can leave only a broken record of its coverage
    kept = {name: text for name, text in os.environ.items() if not name.startswith("COV")}
    return {**kept, "PYTHONPATH": str(Path(__file__).parents[2])}


def test_a_folder_that_cannot_be_made_is_tried_again(tmp_path: Path, quick: None) -> None:
    (tmp_path / "log").write_text("this is a file\n")
    log = PredictionLog(tmp_path / "log", 0)
    assert not append(log, "a", "b")
    assert log.lost == 2
    told = log.problem or ""
    assert "cannot be written" in told
    assert "\n" not in told
    assert str(tmp_path) not in told
    (tmp_path / "log").unlink()
    assert append(log, "c")
    assert log.lost == 2
    assert log.problem is None
    log.close()
    assert ids(tmp_path / "log") == ["c"]


def test_a_read_only_file_system_is_a_loss_and_a_problem(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    log = PredictionLog(small_disk / "log", 0)
    assert not append(log, "a")
    assert log.lost == 1
    assert log.problem is not None
    assert "Read-only" in log.problem


def test_opening_is_not_tried_at_each_append(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("this is a file\n")
    log = PredictionLog(tmp_path / "log", 0)
    assert not append(log, "a")
    (tmp_path / "log").unlink()
    assert not append(log, "b"), "the next try is a second later"
    assert not (tmp_path / "log").exists()
    assert log.lost == 2


def test_a_folder_that_is_removed_is_made_again_and_what_went_with_it_is_lost(tmp_path: Path, quick: None) -> None:
    log = PredictionLog(tmp_path / "log", 0)
    assert append(log, "a")
    assert append(log, "b", "c")
    shutil.rmtree(tmp_path / "log")
    assert append(log, "d")
    log.close()
    assert ids(tmp_path / "log") == ["d"]
    assert log.lost == 2, "the last look was between a and b"


def test_a_segment_without_a_name_is_left_within_a_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moment = time.monotonic()
    monkeypatch.setattr(log_module, "monotonic", lambda: moment)
    log = PredictionLog(tmp_path / "log", 0)
    assert append(log, "a")
    shutil.rmtree(tmp_path / "log")
    assert append(log, "b")
    moment += 1
    assert append(log, "c")
    log.close()
    assert ids(tmp_path / "log") == ["c"]
    assert log.lost == 2


def test_a_device_that_is_always_full_never_raises(tmp_path: Path, quick: None) -> None:
    log = PredictionLog(tmp_path, 0)
    assert append(log, "a")
    assert log._descriptor is not None
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, log._descriptor)
    os.close(full)
    for i in range(5):
        assert not append(log, f"{i}", "x")
    assert log.lost == 10
    log.close()


def test_a_descriptor_that_somebody_closed_is_replaced(tmp_path: Path, quick: None) -> None:
    log = PredictionLog(tmp_path, 0)
    assert append(log, "a")
    assert log._descriptor is not None
    os.close(log._descriptor)
    assert not append(log, "b")
    assert append(log, "c")
    log.close()
    assert ids(tmp_path) == ["a", "c"]
