"""Scorers in processes of their own."""

from __future__ import annotations

import sys
from pathlib import Path
from threading import Barrier

import pytest

from tabi.errors import DataError
from tabi.score import pool as module
from tabi.score.blocks import Block
from tests.score.conftest import Bench, some_rows, write


def test_what_a_process_says_is_wrong_is_told_in_a_line(bench: Bench, tmp_path: Path) -> None:
    path = write(tmp_path / "rows.ndjson", some_rows(200))
    submit = module.Processes.submit

    def without_a_line(self: module.Processes, index: int, block: Block, read: float) -> None:
        if index > 0:
            assert self._up.wait(60)
            block = block._replace(lines=block.lines[1:])
        submit(self, index, block, read)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module.Processes, "submit", without_a_line)
        with pytest.raises(DataError, match=r"a block could not be scored \(ValueError\)"):
            bench.run(path, jobs=2, batch_rows=10)
    assert bench.run(path, jobs=2, batch_rows=10).counts.rows == 200


def test_blocks_are_scored_here_until_a_process_is_up_and_then_there(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "rows.ndjson", some_rows(200))
    bench.run(path, batch_rows=10)
    whole = bench.output.read_bytes()
    submit, here = module.Processes.submit, module.Here.submit
    scored: list[int] = []

    def waiting(self: module.Processes, index: int, block: Block, read: float) -> None:
        assert index < 10 or self._up.wait(60)
        submit(self, index, block, read)

    def noting(self: module.Here, index: int, block: Block, read: float = 0.0) -> None:
        scored.append(index)
        here(self, index, block, read)

    monkeypatch.setattr(module.Processes, "submit", waiting)
    monkeypatch.setattr(module.Here, "submit", noting)
    bench.run(path, jobs=2, batch_rows=10)
    assert sorted(scored) == list(range(len(scored)))
    assert 0 < len(scored) <= 10
    assert bench.output.read_bytes() == whole


def test_threads_side_by_side_write_what_one_does(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "rows.parquet", some_rows(400))
    bench.run(path, batch_rows=10)
    whole = bench.output.read_bytes()
    monkeypatch.setattr(module, "START_AFTER_S", 60)
    both, scored = Barrier(2), module.Here.submit

    def together(self: module.Here, index: int, block: Block, read: float = 0.0) -> None:
        if index < 2:
            both.wait(60)
        scored(self, index, block, read)

    monkeypatch.setattr(module.Here, "submit", together)
    bench.run(path, jobs=2, batch_rows=10)
    assert bench.output.read_bytes() == whole


def test_what_a_thread_finds_wrong_ends_the_run(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "rows.parquet", some_rows(200))
    monkeypatch.setattr(module, "START_AFTER_S", 60)
    scored = module.Here.submit

    def failing(self: module.Here, index: int, block: Block, read: float = 0.0) -> None:
        if index == 19:
            raise module.disk_error(tmp_path, "No space left on device")
        scored(self, index, block, read)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module.Here, "submit", failing)
        with pytest.raises(DataError, match="No space left on device"):
            bench.run(path, jobs=2, batch_rows=10)
    assert not bench.output.exists()
    assert bench.run(path, jobs=2, batch_rows=10).resumed == 190


def test_little_work_starts_no_process(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "START_AFTER_S", 60)
    monkeypatch.setattr(module.Processes, "_start", lambda _: pytest.fail("a process was started"))
    assert bench.run(write(tmp_path / "rows.ndjson", some_rows(200)), jobs=2, batch_rows=10).counts.rows == 200


def test_little_that_is_left_starts_no_process(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LEFT_S", 60)
    monkeypatch.setattr(module.Processes, "_start", lambda _: pytest.fail("a process was started"))
    path = write(tmp_path / "rows.parquet", some_rows(200))
    shares: list[float] = []
    pays = module.Processes._pays

    def noting(self: module.Processes, read: float) -> bool:
        shares.append(read)
        paid = pays(self, read)
        return paid and len(shares) > 1  # of the first block nothing is known

    monkeypatch.setattr(module.Processes, "_pays", noting)
    assert bench.run(path, jobs=2, batch_rows=10).counts.rows == 200
    assert shares == sorted(set(shares))
    assert shares[-1] == 1.0


def test_processes_that_are_not_up_when_all_is_done_are_not_waited_for(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "rows.parquet", some_rows(200))
    bench.run(path, batch_rows=10)
    whole = bench.output.read_bytes()
    sleeper = tmp_path / "sleeper"
    sleeper.write_text("#!/bin/sh\nexec sleep 120\n")
    sleeper.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(sleeper))
    assert bench.run(path, jobs=2, batch_rows=10).counts.rows == 200
    assert bench.output.read_bytes() == whole


def test_a_process_that_cannot_start_is_told(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "rows.ndjson", some_rows(200))
    monkeypatch.setattr(sys, "executable", "/bin/false")
    submit = module.Processes.submit

    def waiting(self: module.Processes, index: int, block: Block, read: float) -> None:
        assert index < 10 or self._failed.wait(60)
        submit(self, index, block, read)

    monkeypatch.setattr(module.Processes, "submit", waiting)
    with pytest.raises(DataError, match=r"ended by itself \(exit code 1\)"):
        bench.run(path, jobs=2, batch_rows=10)


def test_all_cores_by_default(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[int] = []
    begin = module.Processes._start

    def counting(self: module.Processes) -> None:
        begin(self)
        started.extend(worker.pid for worker in self._workers)

    monkeypatch.setattr("tabi.score.run.available_cores", lambda: 3)
    monkeypatch.setattr(module.Processes, "_start", counting)
    path = write(tmp_path / "rows.parquet", some_rows(100))
    assert bench.run(path, jobs=0, batch_rows=10).counts.rows == 100
    assert len(set(started)) == 3
