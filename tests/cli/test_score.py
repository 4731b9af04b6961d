"""`tabi score` as a person meets it."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tabi.cli.main import main
from tests.serving.conftest import Harbour
from tests.serving.conftest import harbour as harbour  # noqa: PLC0414 - the same store serves both rooms' tests

Tabi = Callable[..., tuple[int, str, str]]


@pytest.fixture
def tabi(harbour: Harbour, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Tabi:
    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setenv("TABI_STORE", str(harbour.store.root))
        monkeypatch.setattr(sys, "argv", ["tabi", "score", *arguments])
        with pytest.raises(SystemExit) as leaving:
            main()
        out, err = capfd.readouterr()
        return int(leaving.value.code or 0), out, err

    return run


def test_a_file_is_scored_and_the_last_line_sums_up(tabi: Tabi, tmp_path: Path) -> None:
    given, output = tmp_path / "rows.csv", tmp_path / "scores.parquet"
    given.write_text("id,age,city\na,39,Kyoto\nb,old,Nara\n")
    code, out, err = tabi("voyage", str(given), str(output), "--jobs", "2")
    assert (code, err) == (0, "")
    assert re.fullmatch(r"2 rows scored, 0 rejected, 2 warnings, [\d,]+ rows/s\n", out)
    assert pq.read_table(output)["id"].to_pylist() == ["a", "b"]


def test_rejected_rows_end_with_exit_code_3_and_the_file_that_tells_of_them(tabi: Tabi, tmp_path: Path) -> None:
    given, output = tmp_path / "rows.csv", tmp_path / "scores.parquet"
    given.write_text("id,age\na,39\nb\n")
    code, out, err = tabi("voyage", str(given), str(output), "--jobs", "1", "--key", "id")
    assert (code, err) == (3, "")
    told, last = out.splitlines()
    assert told == f"rejected rows are told in {output}.rejected.ndjson"
    assert last.startswith("1 rows scored, 1 rejected, 0 warnings, ")
    assert json.loads(Path(f"{output}.rejected.ndjson").read_text())["row"] == 1


@pytest.mark.parametrize(
    ("name", "content", "code", "says"),
    [
        ("absent.csv", None, 2, "there is no file or folder"),
        ("rows.csv", "a;b\n", 1, "separated by semicolons"),
    ],
)
def test_what_is_wrong_is_one_line_and_an_exit_code(
    tabi: Tabi, tmp_path: Path, name: str, content: str | None, code: int, says: str
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    found, out, err = tabi("voyage", str(tmp_path / name), str(tmp_path / "scores.parquet"), "--jobs", "1")
    assert (found, out) == (code, "")
    assert says in err
    assert err.startswith("tabi: ")
    assert err.count("\n") == 1


def test_an_unknown_model_is_told(tabi: Tabi, tmp_path: Path) -> None:
    code, _, err = tabi("nobody", str(tmp_path), str(tmp_path / "scores.parquet"))
    assert code == 2
    assert "nobody" in err
