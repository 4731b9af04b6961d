"""Parquet bodies and files: read in bounded batches, or refused, whatever their bytes are."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabi.errors import DataError, RequestError
from tabi.tables import batches_of_parquet, batches_of_parquet_file
from tabi.tables import parquet as module
from tests.tables.conftest import TABLE, parquet

FLAT = ["age", "fare", "sex", "city"]


def read(body: bytes, columns: list[str] | None = None, **options: int) -> pa.Table:
    return pa.Table.from_batches(batches_of_parquet(body, FLAT if columns is None else columns, **options))


def problem_of(body: bytes, columns: list[str] | None = None, **options: int) -> tuple[str, str]:
    with pytest.raises(RequestError) as caught:
        read(body, columns, **options)
    (problem,) = caught.value.problems
    return problem


@pytest.mark.parametrize("compression", ["none", "snappy", "zstd", "gzip", "lz4", "brotli"])
@pytest.mark.parametrize("pages", ["1.0", "2.0"])
def test_a_body_is_read_back_whole_with_only_the_names_of_other_columns(compression: str, pages: str) -> None:
    body = parquet(TABLE, compression=compression, data_page_version=pages, row_group_size=2)
    found = read(body)
    assert found.schema.names == TABLE.schema.names
    for name in FLAT:
        assert str(found[name].to_pylist()) == str(TABLE[name].to_pylist())
    assert found["more"].type == pa.null()
    assert read(body, []).num_rows == 3


def test_batches_are_no_larger_than_asked_and_in_order() -> None:
    table = pa.table({"age": range(100)})
    batches = list(batches_of_parquet(parquet(table, row_group_size=40), FLAT, batch_rows=15))
    assert [batch.num_rows for batch in batches] == [15, 15, 10, 15, 15, 10, 15, 5]
    assert pa.Table.from_batches(batches).equals(table)


def test_a_file_is_read_with_all_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    path.write_bytes(parquet(TABLE))
    found = pa.Table.from_batches(batches_of_parquet_file(path))
    assert str(found.to_pylist()) == str(TABLE.to_pylist())


def test_groups_without_rows_are_passed_over(tmp_path: Path) -> None:
    flat = TABLE.select(FLAT)
    sink = io.BytesIO()
    with pq.ParquetWriter(sink, flat.schema) as writer:
        for part in (flat.slice(0, 0), flat.slice(0, 2), flat.slice(0, 0), flat.slice(2)):
            writer.write_table(part)
    assert pq.read_metadata(sink).num_row_groups == 4
    assert str(read(sink.getvalue()).to_pylist()) == str(flat.to_pylist())
    (tmp_path / "none.parquet").write_bytes(parquet(flat.slice(0, 0)))
    assert list(batches_of_parquet_file(tmp_path / "none.parquet")) == []


@pytest.mark.parametrize("body", [b"", b"{}", b"PAR1PAR1", b"PAR1" + b"\xff" * 50 + b"PAR1"])
def test_what_is_no_parquet_is_refused_by_path(body: bytes, tmp_path: Path) -> None:
    assert problem_of(body) == ("$", "not_parquet")
    path = tmp_path / "rows.parquet"
    path.write_bytes(body)
    with pytest.raises(DataError, match=r"rows\.parquet: it is not a whole Parquet file"):
        list(batches_of_parquet_file(path))


def test_an_absent_file_and_a_folder_are_told_as_such(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.parquet", tmp_path):
        with pytest.raises(DataError, match="cannot be read"):
            list(batches_of_parquet_file(path))


def test_more_rows_than_may_be_are_refused_before_they_are_read() -> None:
    body = parquet(pa.table({"age": [0] * 100_001}))
    assert len(body) < 1000
    assert problem_of(body) == ("rows", "too_many_rows")
    assert read(body, max_rows=100_001).num_rows == 100_001


def test_what_json_cannot_say_is_refused_in_a_wanted_column(tmp_path: Path) -> None:
    assert problem_of(parquet(TABLE), ["more"]) == ("more", "not_a_scalar")
    wide = pa.table({"age": pa.array([b"x" * 100], pa.binary(100))})
    assert problem_of(parquet(wide)) == ("age", "not_a_scalar")
    assert problem_of(parquet(pa.table({"age": [b"39"]}))) == ("age", "not_a_scalar")


def test_two_columns_of_one_name_are_refused_by_name() -> None:
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["b", "b"])
    assert problem_of(parquet(twice)) == ("b", "repeated_name")


def test_deltas_of_text_which_can_grow_without_bound_are_refused_in_a_body_and_read_from_a_file(tmp_path: Path) -> None:
    table = pa.table({"city": ["Nara", "Narita"]})
    for encoding in ("DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY"):
        body = parquet(table, use_dictionary=False, column_encoding={"city": encoding})
        assert problem_of(body) == ("city", "wrong_shape")
        (tmp_path / "rows.parquet").write_bytes(body)
        found = pa.Table.from_batches(batches_of_parquet_file(tmp_path / "rows.parquet"))
        assert found["city"].to_pylist() == ["Nara", "Narita"]


def test_a_long_text_in_every_row_is_held_once() -> None:
    column = pa.DictionaryArray.from_arrays(pa.array([0] * 50_000, pa.int32()), pa.array(["x" * 100_000]))
    # without Arrow's own schema the file says nothing of a dictionary
    body = parquet(pa.table({"city": column}), store_schema=False)
    assert len(body) < 10_000
    batches = batches_of_parquet(body, FLAT)
    assert sum(batch.get_total_buffer_size() for batch in batches) < 2_000_000


@pytest.mark.parametrize("pages", ["1.0", "2.0"])
def test_what_becomes_too_large_is_refused_before_it_is_decompressed(
    pages: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    table = pa.table({"fare": [0.0] * 50_000})
    body = parquet(table, compression="zstd", use_dictionary=False, data_page_version=pages, data_page_size=100_000)
    assert len(body) < 5_000
    path = tmp_path / "rows.parquet"
    path.write_bytes(body)
    monkeypatch.setattr(module, "MAX_DECODED", 300_000)
    assert problem_of(body) == ("$", "wrong_shape")
    assert sum(batch.num_rows for batch in batches_of_parquet_file(path)) == 50_000, "a page at a time is small"
    monkeypatch.setattr(module, "MAX_DECODED", 100_000)
    with pytest.raises(DataError, match="becomes too large"):
        list(batches_of_parquet_file(path))


def test_the_size_in_the_footer_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    body = parquet(pa.table({"fare": [0.0] * 50_000}), compression="zstd", use_dictionary=False)
    said = zigzag(pq.read_metadata(io.BytesIO(body)).row_group(0).column(0).total_uncompressed_size)
    assert body.count(said) == 2, "the column's and the group's"
    # as many bytes, so that the footer still ends where it says
    lying = body.replace(said, zigzag(1 << 14))
    assert len(lying) == len(body)
    assert pq.read_metadata(io.BytesIO(lying)).row_group(0).column(0).total_uncompressed_size == 1 << 14
    assert read(lying).num_rows == 50_000
    monkeypatch.setattr(module, "MAX_DECODED", 300_000)
    assert problem_of(lying) == ("$", "wrong_shape")


def zigzag(value: int) -> bytes:
    """The number as Thrift's compact protocol writes it."""
    value, out = value << 1, bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


BODIES = [
    parquet(TABLE),
    parquet(TABLE, compression="zstd", row_group_size=1),
    parquet(TABLE, compression="gzip", data_page_version="2.0"),
    parquet(TABLE.select(["fare", "city"]), use_dictionary=False, store_schema=False),
]
faults: Any = st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=4)


@given(st.sampled_from(BODIES), faults, st.none() | st.integers(0, 10_000))
def test_changed_and_cut_bytes_are_read_or_refused_and_nothing_else(
    body: bytes, changes: list[tuple[int, int]], end: int | None
) -> None:
    damaged = bytearray(body)
    for place, value in changes:
        damaged[place % len(damaged)] = value
    try:
        for batch in batches_of_parquet(bytes(damaged[:end]), FLAT):
            batch.validate(full=True)
    except RequestError as error:
        assert error.problems  # noqa: PT017 - it need not be raised
