"""Feedback is on the disk once, whoever wrote it how often, and whatever stood there before."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import msgspec
import pytest

from tabi.errors import StoreError
from tabi.predictions import FeedbackLine, FeedbackLog
from tabi.predictions.upkeep import compress


def a_line(key: str, model: str = "m") -> FeedbackLine:
    return FeedbackLine(key, 1.5, model, 1.0, id="r", label="yes")


def keys_in(folder: Path) -> list[str]:
    texts = [text for path in sorted((folder / "feedback").glob("*.jsonl")) for text in path.read_bytes().splitlines()]
    return [msgspec.json.decode(text, type=FeedbackLine).key for text in texts if text.strip()]


def test_a_line_is_taken_once(tmp_path: Path) -> None:
    log = FeedbackLog(tmp_path)
    assert log.append([a_line("a"), a_line("b"), a_line("a")]) == [True, True, False]
    assert log.append([a_line("b"), a_line("c"), a_line("a", "other")]) == [False, True, True]
    assert keys_in(tmp_path) == ["a", "b", "c", "a"]


def test_what_another_writer_took_is_known_now_and_after_a_restart(tmp_path: Path) -> None:
    one, two = FeedbackLog(tmp_path), FeedbackLog(tmp_path)
    assert one.append([a_line("a")]) == [True]
    assert two.append([a_line("a"), a_line("b")]) == [False, True]
    assert one.append([a_line("b")]) == [False]
    assert FeedbackLog(tmp_path).append([a_line("a"), a_line("b"), a_line("c")]) == [False, False, True]


def test_threads_of_two_writers_take_each_line_once(tmp_path: Path) -> None:
    logs = [FeedbackLog(tmp_path), FeedbackLog(tmp_path)]
    taken: list[str] = []

    def work(log: FeedbackLog) -> None:
        for begin in range(0, 60, 6):
            keys = [str(key) for key in range(begin, begin + 6)]
            taken.extend(key for key, new in zip(keys, log.append([a_line(key) for key in keys]), strict=True) if new)

    threads = [Thread(target=work, args=(log,)) for log in logs * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted(keys_in(tmp_path)) == sorted(map(str, range(60)))


def test_a_piece_of_a_line_swallows_nothing(tmp_path: Path) -> None:
    log = FeedbackLog(tmp_path)
    log.append([a_line("a")])
    (segment,) = (tmp_path / "feedback").glob("*.jsonl")
    with segment.open("ab") as file:
        file.write(b'{"kind":"feedback","key":"cut')
    assert FeedbackLog(tmp_path).append([a_line("cut")]) == [True]
    whole = [line for line in segment.read_bytes().splitlines() if line.endswith(b"}")]
    assert [msgspec.json.decode(line, type=FeedbackLine).key for line in whole] == ["a", "cut"]


def test_only_the_last_keys_are_known_again(tmp_path: Path) -> None:
    log = FeedbackLog(tmp_path, recent=2)
    log.append([a_line("a"), a_line("b"), a_line("c")])
    assert log.append([a_line("b"), a_line("c")]) == [False, False]
    assert log.append([a_line("a")]) == [True]


@pytest.mark.parametrize("call", ["write", "fsync"])
def test_what_did_not_reach_the_disk_was_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    log = FeedbackLog(tmp_path)
    log.append([a_line("a")])
    real: Callable[..., object] = getattr(os, call)

    def full(descriptor: int, *rest: bytes) -> None:
        if rest:
            real(descriptor, rest[0][:5])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, call, full)
        with pytest.raises(StoreError, match=r"feedback cannot be written below .* free space"):
            log.append([a_line("b")])
    assert keys_in(tmp_path) == ["a"]
    assert log.append([a_line("b")]) == [True]
    assert keys_in(tmp_path) == ["a", "b"]
    # what the flush may have left of the first file is nobody's ground to build on
    assert len(list((tmp_path / "feedback").glob("*.jsonl"))) == 2


def test_what_was_compressed_is_known_again_and_nothing_is_added_to_it(tmp_path: Path) -> None:
    log = FeedbackLog(tmp_path)
    log.append([a_line("a")])
    assert compress(log.folder) == 1
    assert log.append([a_line("a"), a_line("b")]) == [False, True]
    assert FeedbackLog(tmp_path).append([a_line("a"), a_line("b"), a_line("c")]) == [False, False, True]
    assert keys_in(tmp_path) == ["b", "c"]
    assert len(list(log.folder.glob("*.jsonl.gz"))) == 1


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "feedback").write_text("a file stands where the folder should be")
    with pytest.raises(StoreError, match="make it writable"):
        FeedbackLog(tmp_path).append([a_line("a")])
