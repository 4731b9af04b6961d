"""Files that are wrong: told by name, or their wrong rows set aside."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tabi.errors import DataError, NotFoundError, TabiError
from tabi.score import csv_reader, ndjson_reader
from tests.score.conftest import Bench, MakeFile, some_rows, write


def ages(bench: Bench, path: Path) -> list[tuple[int, str]]:
    return [(row["row"], row["id"]) for row in bench.rows(path, batch_rows=2)]


WRONG = [
    ("rows.csv", b"", "is empty"),
    ("rows.csv", b"\n", "no header line"),
    ("rows.csv", b"age;sex\n1;male\n", "separated by semicolons"),
    ("rows.csv", b"age\tsex\n1\tmale\n", "separated by tabs"),
    ("rows.csv", b"age,age\n1,2\n", "two columns named 'age'"),
    ("rows.csv", b"\xff\xfea\x00g\x00e\x00", "no header line in UTF-8"),
    ("rows.csv", b"name,ticket\n1,2\n", "no column that the model knows, such as 'age' or 'sex'"),
    ("rows.ndjson", b'{"name": 1}\n', "no column that the model knows"),
    ("rows.ndjson", b"[1, 2]\nnull\n", "no row among its first lines"),
    ("rows.ndjson", b"\n\n", "no row among its first lines"),
    ("rows.parquet", b"PAR1 no PAR1", "not a whole Parquet file"),
    ("rows.csv.gz", b"age\n1\n", "not a whole gzip file"),
    ("rows.csv.gz", gzip.compress(b"age\n1\n" * 99, mtime=0)[:-9], "not a whole gzip file"),
    ("rows.ndjson.gz", gzip.compress(b'{"age": 1}\n' * 99)[:-9], "not a whole gzip file"),
    ("rows.csv", b"label,age\n1,2\n", "a column 'label' of its own"),
    ("rows.txt", b"age\n1\n", "no file of rows by its name"),
    ("rows.parquet.gz", b"PAR1", "no file of rows by its name"),
]


@pytest.mark.parametrize(("name", "content", "says"), WRONG, ids=[f"{name}, {says}" for name, _, says in WRONG])
def test_a_file_that_cannot_be_scored_is_told_by_name(
    bench: Bench, file: MakeFile, name: str, content: bytes, says: str
) -> None:
    path = file(name, content)
    with pytest.raises(TabiError, match=says) as caught:
        bench.run(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "scores.parquet" not in bench.left()


def test_what_is_not_there_is_told(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no file or folder"):
        bench.run(tmp_path / "absent.csv")
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotFoundError, match="holds no files"):
        bench.run(tmp_path / "empty")
    with pytest.raises(DataError, match="has no column 'nobody'"):
        bench.run(write(tmp_path / "rows.csv", some_rows(2)), keys=("nobody",))


def test_a_strict_model_wants_every_column_accounted_for_where_keys_are_chosen(bench: Bench, tmp_path: Path) -> None:
    path = write(tmp_path / "rows.csv", [{**row, "note": 1} for row in some_rows(2)])
    with pytest.raises(DataError, match="'note' is neither a --key nor known"):
        bench.run(path, "strict", keys=("id",))
    bench.run(path, "strict")


@pytest.mark.parametrize(
    ("other", "says"),
    [
        ({"id": "x", "age": 1.0, "sex": "male"}, "lacks the column"),
        ({**some_rows(1)[0], "more": 1}, "lacks the column 'more'"),
        ({**some_rows(1)[0], "id": 1}, "'id' has another type"),
    ],
)
def test_files_of_a_folder_with_other_columns_are_told(
    bench: Bench, tmp_path: Path, other: dict[str, object], says: str
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    write(folder / "a.parquet", some_rows(3))
    write(folder / "b.parquet", [other])
    with pytest.raises(DataError, match=says) as caught:
        bench.run(folder)
    assert "b.parquet" in str(caught.value)


def test_the_models_columns_may_have_other_types_and_places_in_each_file(bench: Bench, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    pq.write_table(pa.table({"id": ["a"], "age": [1], "sex": ["male"]}), folder / "a.parquet")
    pq.write_table(
        pa.table({"sex": pa.array(["male"]).dictionary_encode(), "age": ["1"], "id": ["b"]}), folder / "b.parquet"
    )
    first, second = bench.rows(folder)
    assert first["probability"] == second["probability"]
    assert [first["id"], second["id"]] == ["a", "b"]


def test_a_column_that_passes_nowhere_may_have_any_type(bench: Bench, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    pq.write_table(pa.table({"id": ["a"], "age": [1], "more": [1]}), folder / "a.parquet")
    pq.write_table(pa.table({"id": ["b"], "age": [1], "more": ["x"]}), folder / "b.parquet")
    with pytest.raises(DataError, match="another type"):
        bench.run(folder)
    assert [row["id"] for row in bench.rows(folder, keys=("id",))] == ["a", "b"]


def test_a_column_that_holds_moments_is_told(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"age": pa.array([1], pa.timestamp("s"))}), path)
    with pytest.raises(DataError, match="'age' holds neither"):
        bench.run(path)


def test_csv_may_have_a_mark_of_order_and_ends_of_line_of_any_kind_and_quotes(bench: Bench, file: MakeFile) -> None:
    text = '\ufeffid,age,sex\r\n"a,""b""\nc",39,male\r\n\r\nd,,\r\n'
    assert ages(bench, file("rows.csv", text.encode())) == [(0, 'a,"b"\nc'), (1, "d")]


def test_lines_of_csv_that_do_not_fit_are_set_aside_and_the_rest_keep_their_places(
    bench: Bench, file: MakeFile
) -> None:
    body = b"id,age\n1,1\n2\n3,3\n4,4,4\n\n5,\xff\n6,6\n7\n"
    assert ages(bench, file("rows.csv", body)) == [(0, "1"), (2, "3"), (5, "6")]
    told = [(row["row"], row["reasons"][0]["column"], row["reasons"][0]["rule"]) for row in bench.rejected()]
    assert told == [
        (1, "", "wrong_number_of_values"),
        (3, "", "wrong_number_of_values"),
        (4, "age", "not_utf8"),
        (6, "", "wrong_number_of_values"),
    ]


def test_a_csv_whose_lines_do_not_fit_is_given_up_at_some_point(
    bench: Bench, file: MakeFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_reader, "MAX_BAD", 10)
    assert ages(bench, file("rows.csv", b"id,age\n" + b"1\n" * 10)) == []
    assert len(bench.rejected()) == 10
    with pytest.raises(DataError, match="more than 10 lines"):
        bench.run(file("rows.csv", b"id,age\n" + b"1\n" * 11))


def test_places_hold_over_the_chunks_of_a_csv(bench: Bench, file: MakeFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_reader, "CHUNK", 200)
    lines = [f"{n},{n % 90}" if n % 13 else f"{n}" for n in range(500)]
    found = ages(bench, file("rows.csv", "\n".join(["id,age", *lines]).encode()))
    assert found == [(n, str(n)) for n in range(500) if n % 13]
    assert [row["row"] for row in bench.rejected()] == [n for n in range(500) if not n % 13]


def test_a_row_of_csv_that_is_longer_than_may_be_is_told(
    bench: Bench, file: MakeFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_reader, "CHUNK", 1 << 20)
    for middle in (b"x" * (3 << 20), b'"' + b"2,2\n" * (1 << 20)):
        with pytest.raises(DataError, match="longer than 1 MiB, or a quote in it is never closed"):
            bench.run(file("rows.csv", b"id,age\n1,1\n" + middle + b",2\n3,3\n"))


@pytest.mark.parametrize("end", [b'2,"3\n4,5\n6,7\n', b'2,3\n"4,5\n6,7\n'])
def test_a_quote_that_is_never_closed_swallows_no_rows_in_silence(bench: Bench, file: MakeFile, end: bytes) -> None:
    with pytest.raises(DataError, match="never closed"):
        bench.run(file("rows.csv", b"id,age\n1,2\n" + end))


def test_a_quote_inside_a_value_is_no_fault(bench: Bench, file: MakeFile) -> None:
    assert ages(bench, file("rows.csv", b'id,age\n5" pipe,2\nx,3\n')) == [(0, '5" pipe'), (1, "x")]


def test_lines_of_json_that_are_no_rows_are_set_aside_as_the_server_refuses_them(bench: Bench, file: MakeFile) -> None:
    lines = [
        b'\xef\xbb\xbf{"id": "a", "age": 1}\r',
        b"",
        b'{"id": "b", "age": [1]}',
        b"{",
        b'{"id": "c", "age": 1, "age": 2}',
        b"3",
        b'{"id": "d", "age": 1e400}',
        b'{"id": "e", "age": ' + b"9" * 400 + b"}",
        b'{"id": "\xff", "age": 1}',
        b'{"id": 7, "age": "8", "more": true}',
    ]
    found = bench.rows(file("rows.ndjson", b"\n".join(lines)))
    assert [(row["row"], row["id"]) for row in found] == [(0, "a"), (8, "7")]
    assert found[1]["warnings"] == [{"column": "more", "rule": "unknown_column"}]
    told = [(row["row"], [(r["column"], r["rule"]) for r in row["reasons"]]) for row in bench.rejected()]
    assert [row for row, _ in told] == [1, 2, 3, 4, 5, 6, 7]
    assert told[0] == (1, [("age", "not_a_scalar")])
    assert told[1] == (2, [("", "not_json")])
    assert told[2] == (3, [("age", "repeated_name")])


def test_a_line_of_json_that_is_too_long_is_set_aside(
    bench: Bench, file: MakeFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ndjson_reader, "MAX_LINE", 100)
    exact = b'{"id": "' + b"x" * (99 - 20) + b'", "age": 1}'
    assert len(exact) == 99 + 0
    body = b'{"id": "a", "age": 1}\n{"id": "' + b"y" * 500 + b'"}\n' + exact + b'\n{"id": "z", "age": 1}'
    assert [row for row, _ in ages(bench, file("rows.ndjson", body))] == [0, 2, 3]
    assert bench.rejected() == [{"file": "rows.ndjson", "row": 1, "reasons": [{"column": "", "rule": "too_long"}]}]


def test_parquet_is_read_over_its_row_groups(bench: Bench, tmp_path: Path) -> None:
    path = write(tmp_path / "rows.parquet", some_rows(100), row_group_size=7)
    assert ages(bench, path) == [(n, f"passenger {n}") for n in range(100)]
