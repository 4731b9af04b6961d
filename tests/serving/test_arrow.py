"""Arrow and Parquet: the same rows have the same answers, to the last bit, in whatever form they come and go."""

from __future__ import annotations

import io
import json
import struct
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.serving.conftest import CITIES, ROW, SEXES, Ask, Harbour

STREAM, FILE = "application/vnd.apache.arrow.stream", "application/vnd.apache.arrow.file"
PARQUET = "application/vnd.apache.parquet"

numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([5e-324, 1e308, -0.0, 2.0**53])
rows = st.lists(
    st.fixed_dictionaries(
        {
            "age": numbers,
            "fare": numbers,
            "sex": st.none() | st.sampled_from(SEXES) | st.text(max_size=3),
            "city": st.none() | st.sampled_from(CITIES),
        }
    ),
    min_size=1,
    max_size=30,
)
TYPES = pa.schema([("age", pa.float64()), ("fare", pa.float64()), ("sex", pa.string()), ("city", pa.string())])


def ipc(table: pa.Table, *, file: bool = False) -> bytes:
    sink = io.BytesIO()
    with (pa.ipc.new_file if file else pa.ipc.new_stream)(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def bits(values: list[float]) -> list[bytes]:
    return [struct.pack("<d", value) for value in values]


@given(rows)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_table_is_answered_as_its_rows_are_to_the_last_bit(ask: Ask, batch: list[dict[str, Any]]) -> None:
    reply = ask("POST", "/predict_batch", json.dumps({"rows": batch}).encode())[2]
    expected = bits([found["probability"] for found in reply["predictions"]])
    table = pa.Table.from_pylist(batch, TYPES)
    for kind, body in ((STREAM, ipc(table)), (FILE, ipc(table, file=True)), (PARQUET, parquet(table))):
        status, _, found = ask("POST", "/predict_batch", body, {"Content-Type": kind})
        assert status == 200
        assert bits([each["probability"] for each in found["predictions"]]) == expected
        assert found["warnings"] == reply["warnings"]
    headers = {"Content-Type": "application/json", "Accept": f"{STREAM}, application/json;q=0.5"}
    status, given, content = ask("POST", "/predict_batch", json.dumps({"rows": batch}).encode(), headers)
    assert (status, given["content-type"]) == (200, STREAM)
    answer = pa.ipc.open_stream(content).read_all()
    assert bits(answer["probability"].to_pylist()) == expected
    assert answer["label"].to_pylist() == [each["label"] for each in reply["predictions"]]


def test_an_arrow_answer_says_what_stands_once_beside_it(ask: Ask, harbour: Harbour) -> None:
    body = json.dumps({"rows": [ROW, {"zone": 1}]}).encode()
    _, headers, content = ask("POST", "/predict_batch", body, {"Accept": STREAM})
    told = pa.ipc.open_stream(content).schema.metadata
    assert told[b"version"].decode() == harbour.older
    assert told[b"request_id"].decode() == headers["x-request-id"]
    assert [place["path"] for place in json.loads(told[b"warnings"])] == ["rows[1].zone"]


@pytest.mark.parametrize("kind", [STREAM, FILE, PARQUET])
@pytest.mark.parametrize("body", [b"", b"{}", b"ARROW1\0\0", b"PAR1PAR1", b"\xff" * 1000])
def test_a_body_that_is_no_table_is_422(ask: Ask, kind: str, body: bytes) -> None:
    status, headers, problem = ask("POST", "/predict_batch", body, {"Content-Type": kind})
    assert (status, headers["content-type"]) == (422, "application/problem+json")
    assert problem["errors"]


def test_a_table_of_another_shape_is_refused_by_its_place(ask: Ask) -> None:
    twice = pa.table([[1.0], [2.0]], names=["age", "age"])
    nested = pa.table({"age": [[1.0]]})
    for table, rule in ((twice, "repeated_name"), (nested, "not_a_scalar")):
        status, _, problem = ask("POST", "/predict_batch", ipc(table), {"Content-Type": STREAM})
        assert (status, [place["rule"] for place in problem["errors"]]) == (422, [rule])


def test_more_rows_or_columns_than_may_be_are_refused(ask: Ask) -> None:
    rows = pa.table({"age": pa.nulls(100_001, pa.float64())})
    wide = pa.table([[1.0]] * 10_001, names=[f"c{index}" for index in range(10_001)])
    for table, rule in ((rows, "too_many_rows"), (wide, "too_many_columns")):
        for kind, body in ((STREAM, ipc(table)), (PARQUET, parquet(table))):
            status, _, problem = ask("POST", "/predict_batch", body, {"Content-Type": kind})
            assert (status, [place["rule"] for place in problem["errors"]]) == (422, [rule])


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/xml", "application/octet-stream", "multipart/form-data; boundary=x"]
)
def test_a_body_of_another_kind_is_415(ask: Ask, kind: str) -> None:
    for path in ("/predict", "/predict_batch"):
        status, headers, problem = ask("POST", path, b"{}", {"Content-Type": kind})
        assert (status, problem["status"]) == (415, 415)
        assert "application/json" in headers["accept-post"]


def test_a_compressed_body_is_415(ask: Ask) -> None:
    for coding in ("gzip", "br", "Deflate"):
        assert ask("POST", "/predict", b"x", {"Content-Encoding": coding})[0] == 415
    assert ask("POST", "/predict", json.dumps({"features": ROW}).encode(), {"Content-Encoding": "identity"})[0] == 200
