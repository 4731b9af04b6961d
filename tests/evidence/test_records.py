"""Evidence is only ever appended, and what was acknowledged can be read back."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabi.evidence import Record, append, now, read

WRITERS = 8
RECORDS = 40


def a_record(subject: str = "adult", **fields: object) -> Record:
    return Record(kind="training", subject=subject, verdict="pass", **fields)  # type: ignore[arg-type]


WRITE_MANY = f"""
import sys
from pathlib import Path
from tabi.evidence import Record, append
for index in range({RECORDS}):
    subject = f"{{sys.argv[2]}}/{{index}}"
    append(Path(sys.argv[1]), Record(kind="training", subject=subject, verdict="pass", figures={{"filler": "x"*3000}}))
"""


def test_records_come_back_as_they_were_written_and_in_order(tmp_path: Path) -> None:
    written = [a_record(str(i), inputs={"snapshot": "ab"}, figures={"auc": 0.1 + 0.2, "rows": i}) for i in range(5)]
    for record in written:
        append(tmp_path / "new" / "folder", record)
    assert list(read(tmp_path / "new" / "folder")) == written


def test_months_are_files_of_their_own_and_read_in_order(tmp_path: Path) -> None:
    later, earlier = a_record("b", at="2031-02-01T00:00:00+00:00"), a_record("a", at="2030-12-31T23:59:59+00:00")
    append(tmp_path, later)
    append(tmp_path, earlier)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2030-12.jsonl", "2031-02.jsonl"]
    assert list(read(tmp_path)) == [earlier, later]


def test_one_kind_can_be_asked_for(tmp_path: Path) -> None:
    append(tmp_path, a_record())
    release = Record(kind="release", subject="adult", verdict="begun")
    append(tmp_path, release)
    assert list(read(tmp_path, "release")) == [release]


def test_no_folder_means_no_record(tmp_path: Path) -> None:
    assert list(read(tmp_path / "none")) == []


def test_a_half_written_last_line_is_passed_over(tmp_path: Path) -> None:
    append(tmp_path, a_record("whole"))
    path = next(tmp_path.iterdir())
    path.write_bytes(path.read_bytes() + b'{"kind":"training","subj')
    assert [record.subject for record in read(tmp_path)] == ["whole"]


def test_a_record_after_a_half_written_line_is_not_lost(tmp_path: Path) -> None:
    append(tmp_path, a_record("before"))
    path = next(tmp_path.iterdir())
    path.write_bytes(path.read_bytes() + b'{"kind":"training","subj')
    append(tmp_path, a_record("after"))
    append(tmp_path, a_record("last"))
    assert [record.subject for record in read(tmp_path)] == ["before", "after", "last"]


def test_eight_processes_appending_never_mix(tmp_path: Path) -> None:
    commands = ([sys.executable, "-c", WRITE_MANY, str(tmp_path), str(writer)] for writer in range(WRITERS))
    processes = [subprocess.Popen(command) for command in commands]
    assert [process.wait(60) for process in processes] == [0] * WRITERS
    found = [record.subject for record in read(tmp_path)]
    assert len(found) == WRITERS * RECORDS
    for writer in range(WRITERS):
        assert [s for s in found if s.startswith(f"{writer}/")] == [f"{writer}/{i}" for i in range(RECORDS)]


@given(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.dictionaries(st.text("ab\n\r\u2028", max_size=3), st.text("c\n\x85")),
)
def test_any_text_stays_on_one_line(
    tmp_path_factory: pytest.TempPathFactory, subject: str, inputs: dict[str, str]
) -> None:
    folder = tmp_path_factory.mktemp("evidence")
    append(folder, a_record(subject, inputs=inputs))
    assert [(record.subject, record.inputs) for record in read(folder)] == [(subject, inputs)]


def test_a_moment_is_in_utc_to_the_microsecond() -> None:
    assert now().endswith("+00:00")
    assert now() <= now()
