"""Files in, one file out: the answers of `tabi predict`, in order, whatever the form, the processes and the batches."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tabi.errors import DataError, NotFoundError
from tabi.score import Options, score_files
from tabi.serving.messages import PredictReply
from tabi.serving.model import Model
from tests.score.conftest import Bench, MakeFile, Row, some_rows, write

FORMS = ["rows.parquet", "rows.csv", "rows.csv.gz", "rows.ndjson", "rows.jsonl.gz"]


def expected(model: Model, row: Row) -> Row:
    """What `tabi predict` answers for the row."""
    features = {name: value for name, value in row.items() if name != "id"}
    answer = model.answer(json.dumps({"features": features}).encode(), "1")
    assert isinstance(answer, PredictReply)
    return {
        "label": answer.label,
        "probability": answer.probability,
        "version": answer.version,
        "warnings": [{"column": w.path.removeprefix("features."), "rule": w.rule} for w in answer.warnings],
    }


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_answers_of_predict_in_order_with_keys_and_places(
    bench: Bench, tmp_path: Path, form: str
) -> None:
    rows = some_rows(50)
    found = bench.rows(write(tmp_path / form, rows), batch_rows=16)
    model = Model.open(bench.harbour.path())
    assert [row.pop("row") for row in found] == list(range(50))
    assert [row.pop("id") for row in found] == [row["id"] for row in rows]
    assert found == [expected(model, row) for row in rows]
    assert bench.left() == {"scores.parquet"}


ages = st.none() | st.floats() | st.integers(-(10**6), 10**6) | st.sampled_from(["39", "", "old", "1e999", " 7 "])
words = st.none() | st.text(max_size=4) | st.sampled_from(["male", "female", "東京", "1", "nan"])
hostile = st.fixed_dictionaries({"age": ages, "sex": words, "fare": ages, "city": words})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(st.lists(hostile, min_size=1, max_size=8), st.integers(1, 9))
def test_a_hostile_row_has_the_very_bits_of_predict(
    bench: Bench, tmp_path: Path, rows: list[dict[str, Any]], batch_rows: int
) -> None:
    # JSON has neither NaN nor infinity
    rows = [{n: None if isinstance(v, float) and not math.isfinite(v) else v for n, v in row.items()} for row in rows]
    path = tmp_path / "rows.ndjson"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = bench.rows(path, batch_rows=batch_rows)
    model = Model.open(bench.harbour.path())
    assert [{k: v for k, v in row.items() if k != "row"} for row in found] == [expected(model, row) for row in rows]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(
    st.lists(st.tuples(st.none() | st.floats(), st.none() | st.floats(width=32)), min_size=1, max_size=8),
    st.integers(1, 9),
)
def test_floats_of_parquet_have_the_very_bits_of_predict(
    bench: Bench, tmp_path: Path, numbers: list[tuple[float | None, float | None]], batch_rows: int
) -> None:
    age, fare = zip(*numbers, strict=True)
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"age": pa.array(age, pa.float64()), "fare": pa.array(fare, pa.float32())}), path)
    found = bench.rows(path, batch_rows=batch_rows)
    model = Model.open(bench.harbour.path())
    answers, _ = model.predict([{"age": a, "fare": f} for a, f in numbers])
    assert [(row["label"], row["probability"]) for row in found] == [(a.label, a.probability) for a in answers]


def test_processes_and_batches_change_no_byte_of_the_rows(bench: Bench, tmp_path: Path) -> None:
    path = write(tmp_path / "rows.csv", some_rows(1000))
    outputs, tables = set(), []
    for jobs in (1, 2):
        for batch_rows in (1000, 90):
            bench.run(path, jobs=jobs, batch_rows=batch_rows)
            outputs.add((batch_rows, bench.output.read_bytes()))
            tables.append(pq.read_table(bench.output))
    assert len(outputs) <= 2, "another number of processes gives the same file"
    assert all(table.equals(tables[0]) for table in tables)


def test_a_folder_is_read_in_order_of_names_and_tells_file_and_place(bench: Bench, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    (folder / "later").mkdir(parents=True)
    rows = some_rows(9)
    write(folder / "later" / "a.csv", rows[6:])
    write(folder / "b.csv", rows[3:6])
    write(folder / "a.csv.gz", rows[:3])
    (folder / "_SUCCESS").touch()
    (folder / ".hidden.csv").touch()
    found = bench.rows(folder, batch_rows=2)
    assert [row["id"] for row in found] == [row["id"] for row in rows]
    assert [(row["file"], row["row"]) for row in found] == [
        (name, place) for name in ("a.csv.gz", "b.csv", "later/a.csv") for place in range(3)
    ]


def test_keys_are_chosen_by_name_and_may_be_the_models_own(bench: Bench, tmp_path: Path) -> None:
    path = write(tmp_path / "rows.parquet", [{**row, "note": "x"} for row in some_rows(3)])
    found = bench.rows(path, keys=("id", "age"))
    assert list(found[0]) == ["row", "id", "age", "label", "probability", "version", "warnings"]
    assert [row["age"] for row in found] == [None, 1.0, 2.0]
    assert [row["warnings"] for row in found] == [[{"column": "note", "rule": "unknown_column"}]] * 3


def test_keys_keep_the_type_that_parquet_gave_them(bench: Bench, tmp_path: Path) -> None:
    import datetime

    day = datetime.date(2026, 11, 21)
    rows = pa.table({"age": [1, 2], "day": [day, None], "tags": [["a"], []], "n": pa.array([7, 8], pa.int8())})
    path = tmp_path / "rows.parquet"
    pq.write_table(rows.append_column("kind", pa.array(["x", "y"]).dictionary_encode()), path)
    bench.run(path)
    found = pq.read_table(bench.output)
    assert found["day"].to_pylist() == [day, None]
    assert found["tags"].to_pylist() == [["a"], []]
    assert found["n"].type == pa.int8()
    assert found["kind"].to_pylist() == ["x", "y"]


def test_a_strict_model_rejects_rows_with_their_reasons_and_answers_the_rest(bench: Bench, tmp_path: Path) -> None:
    rows = [{"id": "a", "age": 30, "sex": "male", "fare": 1, "city": "Kyoto"}]
    rows += [{**rows[0], "id": "secret", "age": 300, "sex": "king"}, {**rows[0], "id": "c"}]
    for form in FORMS:
        found = bench.rows(write(tmp_path / form, rows), "strict")
        assert [(row["row"], row["id"], row["warnings"]) for row in found] == [(0, "a", []), (2, "c", [])]
        reasons = [{"column": "age", "rule": "above_maximum"}, {"column": "sex", "rule": "unknown_category"}]
        assert bench.rejected() == [{"file": form, "row": 1, "reasons": reasons}]
        assert "secret" not in (bench.folder / "scores.parquet.rejected.ndjson").read_text()


def test_a_row_whose_numbers_overflow_in_the_model_is_rejected(bench: Bench, tmp_path: Path) -> None:
    rows = [{"age": 30.0, "fare": 1.0}, {"age": 1e308, "fare": 1e308}, {"age": 31.0, "fare": 1.0}]
    for form in FORMS:
        summary = bench.run(write(tmp_path / form, rows), "linear")
        assert (summary.counts.rows, summary.counts.rejected) == (2, 1)
        assert bench.rejected() == [{"file": form, "row": 1, "reasons": [{"column": "", "rule": "no_probability"}]}]


def test_a_run_without_rejected_rows_takes_away_what_an_earlier_one_told(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "rows.ndjson"
    path.write_text('{"age": 1}\n{"age": \n')
    assert bench.run(path).rejected is not None
    assert len(bench.rejected()) == 1
    path.write_text('{"age": 1}\n')
    assert bench.run(path).rejected is None
    assert bench.left() == {"scores.parquet"}


def test_a_header_without_rows_gives_a_file_without_rows(bench: Bench, file: MakeFile) -> None:
    assert bench.rows(file("rows.csv", b"id,age\n")) == []
    assert pq.read_schema(bench.output).names == ["row", "id", "label", "probability", "version", "warnings"]


def test_warnings_are_counted_and_told_in_their_rows(bench: Bench, file: MakeFile) -> None:
    summary = bench.run(file("rows.csv", b"age,sex\n200,king\n3,male\nold,\n"))
    assert summary.counts.warnings == 3
    found = pq.read_table(bench.output)["warnings"].to_pylist()
    assert [[tuple(w.values()) for w in row] for row in found] == [
        [("age", "above_maximum"), ("sex", "unknown_category")],
        [],
        [("age", "not_a_number")],
    ]


def test_an_output_in_the_way_is_refused_before_anything_is_read(bench: Bench, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    path = write(folder / "rows.parquet", some_rows(3))
    before = path.read_bytes()
    bundle = bench.harbour.path()
    for given_path, output in ((path, path), (folder, folder / "scores.parquet")):
        with pytest.raises(DataError, match="lies in the input"):
            score_files(bundle, given_path, output, Options(jobs=1))
    with pytest.raises(DataError, match="is a folder"):
        score_files(bundle, path, tmp_path, Options(jobs=1))
    with pytest.raises(NotFoundError, match="no folder"):
        score_files(bundle, path, tmp_path / "absent" / "scores.parquet", Options(jobs=1))
    assert path.read_bytes() == before
    assert [p.name for p in folder.iterdir()] == ["rows.parquet"]


def test_an_earlier_output_stays_until_the_new_one_is_whole(bench: Bench, tmp_path: Path, file: MakeFile) -> None:
    bench.run(write(tmp_path / "rows.parquet", some_rows(3)))
    before = bench.output.read_bytes()
    broken = file("broken.csv", b'id,age\n1,2\n2,"3\n4,5\n')
    with pytest.raises(DataError, match="never closed"):
        bench.run(broken)
    assert bench.output.read_bytes() == before
