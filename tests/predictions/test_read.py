"""Reading the log back passes over what is no line, says how often, and holds one line at a time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabi.errors import StoreError
from tabi.predictions import LogReader, encode_lines
from tabi.predictions import read as read_module
from tests.predictions.test_log import in_repository
from tests.predictions.test_record import a_line

ONE = encode_lines([a_line(id="one")])
TWO = encode_lines([a_line(id="two")])


def read(folder: Path, text: bytes) -> tuple[list[str], int]:
    (folder / "20261121T090000.000000Z-000-000000.jsonl").write_bytes(text)
    reader = LogReader(folder)
    return [line.id for line in reader], reader.skipped


@pytest.mark.parametrize("cut", range(1, len(TWO) - 1))
def test_a_last_line_that_was_cut_anywhere_is_skipped(tmp_path: Path, cut: int) -> None:
    assert read(tmp_path, ONE + TWO[:cut]) == (["one"], 1)


def test_a_last_line_that_lacks_only_its_newline_is_whole(tmp_path: Path) -> None:
    assert read(tmp_path, ONE + TWO[:-1]) == (["one", "two"], 0)


def test_blank_lines_are_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, b"\n\n" + ONE + b"\n \r\n" + TWO + b"\n") == (["one", "two"], 0)


@pytest.mark.parametrize(
    "line", [b'{"kind":"other"}', b"[]", b"{}", b'{"kind":"prediction"}', b"\xff\xfe", b"[" * 9999]
)
def test_what_is_no_line_of_the_log_is_skipped(tmp_path: Path, line: bytes) -> None:
    assert read(tmp_path, ONE + line + b"\n" + TWO) == (["one", "two"], 1)


@given(st.binary(max_size=200))
def test_any_bytes_can_be_read(tmp_path_factory: pytest.TempPathFactory, text: bytes) -> None:
    found, _ = read(tmp_path_factory.mktemp("log"), text + b"\n" + ONE)
    assert found[-1:] == ["one"]


def test_a_line_without_end_is_skipped_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_module, "LINE_LIMIT", len(ONE) + 5)
    assert read(tmp_path, b"x" * 10_000 + b"\n" + ONE + b"y" * 10_000) == (["one"], 2)


def test_segments_are_read_by_their_start(tmp_path: Path) -> None:
    names = ["20261121T090000.000002Z-000-000001", "20261121T090000.000001Z-001-000000", "20261120T100000.0Z-000-0"]
    for name in names:
        (tmp_path / f"{name}.jsonl").write_bytes(encode_lines([a_line(id=name)]))
    (tmp_path / "notes.txt").write_text("not a segment\n")
    assert [line.id for line in LogReader(tmp_path)] == sorted(names)


def test_a_folder_that_is_not_there_has_no_line(tmp_path: Path) -> None:
    assert list(LogReader(tmp_path / "none")) == []


def test_a_segment_that_goes_while_the_log_is_read_is_passed_over(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.jsonl").write_bytes(encode_lines([a_line(id=name)]))
    lines = iter(LogReader(tmp_path))
    found = [next(lines).id]
    (tmp_path / "b.jsonl").unlink()
    assert found + [line.id for line in lines] == ["a", "c"]


def test_a_segment_that_cannot_be_read_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").mkdir()
    with pytest.raises(StoreError, match=r"a\.jsonl cannot be read"):
        list(LogReader(tmp_path))


MEASURE = """
import resource, sys
from pathlib import Path
from tabi.predictions import LogReader
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
count = sum(1 for _ in LogReader(Path(sys.argv[1])))
print(count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_a_large_segment_is_read_in_little_memory(tmp_path: Path) -> None:
    line = encode_lines([a_line(inputs=["x" * 100] * 10)])
    with (tmp_path / "a.jsonl").open("wb") as segment:
        for _ in range(40):
            segment.write(line * 1000)
    command = [sys.executable, "-c", MEASURE, str(tmp_path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True, env=in_repository(), timeout=60).stdout
    count, grown_kib = map(int, said.split())
    assert count == 40_000
    assert (tmp_path / "a.jsonl").stat().st_size > 40 * 1024 * 1024
    assert grown_kib < 8 * 1024
