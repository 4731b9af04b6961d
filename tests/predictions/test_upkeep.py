"""Closed segments are compressed and removed; no line is lost or doubled at any moment."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tabi.errors import StoreError
from tabi.predictions import LogReader, PredictionLine, PredictionLog, encode_lines
from tabi.predictions.upkeep import Keep, compress, expire


def a_log(folder: Path, ids: list[str], worker: int = 0) -> PredictionLog:
    log = PredictionLog(folder, worker)
    for each in ids:
        assert log.append(encode_lines([PredictionLine(each, 0, 1.5, "m", "v", [1.0], "yes", 0.5, [], 0.1)]), 1)
    return log


def ids_in(folder: Path) -> list[str]:
    return [line.id for line in LogReader(folder)]


def test_closed_segments_are_compressed_and_read_as_before_and_an_open_one_is_left_alone(tmp_path: Path) -> None:
    a_log(tmp_path, ["a", "b"]).close()
    log = a_log(tmp_path, ["c"], worker=1)
    assert compress(tmp_path) == 1
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".gz", ".jsonl"]
    assert ids_in(tmp_path) == ["a", "b", "c"]
    log.close()
    assert compress(tmp_path) == 1
    assert compress(tmp_path) == 0
    assert ids_in(tmp_path) == ["a", "b", "c"]


def test_a_copy_keeps_the_time_of_its_last_line(tmp_path: Path) -> None:
    a_log(tmp_path, ["a"]).close()
    (path,) = tmp_path.iterdir()
    os.utime(path, (1e9, 1e9))
    compress(tmp_path)
    (packed,) = tmp_path.iterdir()
    assert packed.stat().st_mtime == 1e9


def test_both_forms_are_one_segment_until_the_plain_one_is_removed(tmp_path: Path) -> None:
    a_log(tmp_path, ["a"]).close()
    (path,) = tmp_path.iterdir()
    (tmp_path / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    (tmp_path / f"{path.name}.draft").write_bytes(b"\x1f\x8b half")
    assert ids_in(tmp_path) == ["a"]
    assert compress(tmp_path) == 1
    assert ids_in(tmp_path) == ["a"]
    assert not path.exists()


def test_a_segment_that_is_compressed_while_it_is_read_is_read_once(tmp_path: Path) -> None:
    for place, each in enumerate("abc"):
        a_log(tmp_path, [each], worker=place).close()
    reading = iter(LogReader(tmp_path))
    found = [next(reading).id]
    compress(tmp_path)
    assert found + [line.id for line in reading] == ["a", "b", "c"]


KILLED = """
import os, sys
from pathlib import Path
from tabi.predictions import LogReader, PredictionLine, PredictionLog, encode_lines, upkeep
folder = Path(sys.argv[1])
calls = 0
def counted(name, owner, at):
    found = getattr(owner, name)
    def call(*given, **named):
        global calls
        calls += 1
        if calls == at:
            os.kill(os.getpid(), 9)
        return found(*given, **named)
    setattr(owner, name, call)
STEPS = [("rename", Path), ("unlink", Path), ("fsync", os), ("utime", os), ("write", upkeep.gzip.GzipFile)]
for at in range(1, 12):
    log = PredictionLog(folder, at)
    log.append(encode_lines([PredictionLine(str(at), 0, 1.5, "m", "v", [1.0], "yes", 0.5, [], 0.1)]), 1)
    log.close()
    child = os.fork()
    if child == 0:
        for name, owner in STEPS:
            counted(name, owner, at)
        upkeep.compress(folder)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    after = [int(line.id) for line in LogReader(folder)]
    # whoever comes next finishes what was begun
    upkeep.compress(folder)
    left = [path.suffix for path in folder.iterdir()]
    print(status, sorted(after) == list(range(1, at + 1)), left == [".gz"] * at)
"""


def test_a_kill_between_any_two_steps_loses_and_doubles_nothing(tmp_path: Path) -> None:
    ran = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=True, capture_output=True, text=True)
    ends, whole, finished = zip(*(line.split() for line in ran.stdout.splitlines()), strict=True)
    assert set(ends) == {"0", str(-signal.SIGKILL)}
    assert (set(whole), set(finished)) == ({"True"}, {"True"})


def test_old_and_superfluous_segments_go_but_never_an_open_one(tmp_path: Path) -> None:
    for place, each in enumerate("abcd"):
        a_log(tmp_path, [each], worker=place).close()
    paths = sorted(tmp_path.iterdir())
    os.utime(paths[0], (time.time() - 10 * 86400,) * 2)
    assert expire(tmp_path, Keep()) == 0
    assert expire(tmp_path, Keep(days=9)) == 1
    assert ids_in(tmp_path) == ["b", "c", "d"]
    one = paths[1].stat().st_size
    assert expire(tmp_path, Keep(size=2 * one)) == 1
    log = a_log(tmp_path, ["e"], worker=9)
    assert expire(tmp_path, Keep(size=0)) == 2
    assert ids_in(tmp_path) == ["e"]
    log.close()


def test_a_stop_leaves_the_segment_as_it_was(tmp_path: Path) -> None:
    a_log(tmp_path, ["a"]).close()
    asked = iter([False, True])
    assert compress(tmp_path, lambda: next(asked)) == 0
    assert [path.suffix for path in tmp_path.iterdir()] == [".jsonl"]


def test_a_compressed_segment_that_was_cut_is_told(tmp_path: Path) -> None:
    a_log(tmp_path, ["a"] * 100).close()
    compress(tmp_path)
    (packed,) = tmp_path.iterdir()
    packed.write_bytes(packed.read_bytes()[:-20])
    with pytest.raises(StoreError, match="no whole gzip"):
        ids_in(tmp_path)


def test_a_log_that_can_be_written_again_says_so_unasked(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("a file stands where the folder should be")
    log = PredictionLog(tmp_path / "log", 0)
    assert not log.append(b"{}\n", 1)
    assert log.problem is not None
    (tmp_path / "log").unlink()
    log._open_at = 0.0
    log.probe()
    told: str | None = log.problem
    assert told is None
    assert (log.lost, ids_in(tmp_path / "log")) == (1, [])
    log.close()
