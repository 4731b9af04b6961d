"""Arrow bodies: read whole, or refused in the words of the tree of errors, whatever their bytes are."""

from __future__ import annotations

import struct

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tabi.errors import RequestError
from tabi.tables import batches_of_ipc
from tabi.tables import ipc as module
from tests.tables.conftest import TABLE, ipc


def read(body: bytes, **options: int) -> pa.Table:
    return pa.Table.from_batches(batches_of_ipc(body, **options))


def rule_of(body: bytes, **options: int) -> str:
    with pytest.raises(RequestError) as caught:
        read(body, **options)
    ((_, rule),) = caught.value.problems
    return rule


@pytest.mark.parametrize("compression", [None, "lz4", "zstd"])
@pytest.mark.parametrize("file", [False, True], ids=["stream", "file"])
def test_a_stream_and_a_file_are_read_back_whole(compression: str | None, file: bool) -> None:
    body = ipc(TABLE, file=file, rows=2, compression=compression)
    assert str(read(body).to_pylist()) == str(TABLE.to_pylist())
    assert read(body).schema == TABLE.schema
    assert [batch.num_rows for batch in batches_of_ipc(body)] == [2, 1]


def test_no_rows_are_no_fault() -> None:
    assert list(batches_of_ipc(ipc(TABLE.slice(0, 0)))) == []


@pytest.mark.parametrize("body", [b"", b"{}", b"ARROW1\x00\x00", b"\xff\xff\xff\xff\xff\xff\xff\x7f", b"PAR1PAR1"])
def test_what_is_no_arrow_is_refused(body: bytes) -> None:
    assert rule_of(body) == "not_arrow"


def test_more_rows_than_may_be_are_refused_also_where_they_cost_nothing() -> None:
    assert read(ipc(TABLE), max_rows=3).num_rows == 3
    assert rule_of(ipc(TABLE), max_rows=2) == "too_many_rows"
    few = ipc(pa.Table.from_arrays([pa.nulls(1234)], ["a"]))
    claims = few.replace(struct.pack("<q", 1234), struct.pack("<q", 10**12))
    assert claims != few
    assert len(claims) < 1000
    assert rule_of(claims) == "too_many_rows"


def test_what_becomes_too_large_is_refused_before_it_is_decompressed(monkeypatch: pytest.MonkeyPatch) -> None:
    body = ipc(pa.table({"a": [0.0] * 50_000}), compression="zstd")
    assert len(body) < 2000
    assert read(body).num_rows == 50_000
    monkeypatch.setattr(module, "MAX_DECODED", 400_000 - 1)
    monkeypatch.setattr(module, "_batches", lambda *_: pytest.fail("it was read"))
    assert rule_of(body) == "wrong_shape"


def test_a_size_that_a_body_claims_is_not_allocated() -> None:
    body = bytearray(ipc(pa.table({"a": [0.0] * 1000}), compression="zstd"))
    place = body.index(struct.pack("<q", 8000))
    body[place : place + 8] = struct.pack("<q", 1 << 40)
    assert rule_of(bytes(body)) == "wrong_shape"


def test_a_dictionary_is_counted_for_each_batch_that_uses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    column = pa.DictionaryArray.from_arrays(pa.array([0] * 100, pa.int8()), pa.array(["x" * 10_000]))
    body = ipc(pa.table({"a": column}), rows=1)
    monkeypatch.setattr(module, "MAX_DECODED", 100_000)
    assert len(body) < 50_000
    assert rule_of(body) == "wrong_shape"


def test_dictionaries_that_grow_and_too_many_batches_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = [pa.array(words).dictionary_encode() for words in (["a"], ["a", "b"])]
    growing = pa.table({"a": pa.chunked_array(parts)})
    assert rule_of(ipc(growing, emit_dictionary_deltas=True, unify_dictionaries=False)) == "wrong_shape"
    assert read(ipc(growing)).num_rows == 3
    monkeypatch.setattr(module, "MAX_MESSAGES", 2)
    assert rule_of(ipc(TABLE, rows=1)) == "wrong_shape"


def test_text_that_is_not_utf8_and_places_outside_a_dictionary_are_refused() -> None:
    body = ipc(pa.table({"a": ["secret text"]}))
    assert rule_of(body.replace(b"secret", b"\xff\xfe\xfd\xfc\xfb\xfa")) == "not_arrow"
    column = pa.DictionaryArray.from_arrays(pa.array([0x55555555], pa.int32()), pa.array(["a"]), safe=False)
    assert rule_of(ipc(pa.table({"a": column}))) == "not_arrow"


BODIES = [
    ipc(TABLE),
    ipc(TABLE, file=True),
    ipc(TABLE, compression="zstd"),
    ipc(TABLE, compression="lz4", rows=1),
    ipc(TABLE.set_column(0, "age", TABLE["city"].cast(pa.string_view()))),
]
faults = st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=4)


@given(st.sampled_from(BODIES), faults, st.none() | st.integers(0, 10_000))
@example(BODIES[0], [(0, 0)], None)
def test_changed_and_cut_bytes_are_read_or_refused_and_nothing_else(
    body: bytes, changes: list[tuple[int, int]], end: int | None
) -> None:
    damaged = bytearray(body)
    for place, value in changes:
        damaged[place % len(damaged)] = value
    try:
        for batch in batches_of_ipc(bytes(damaged[:end])):
            batch.validate(full=True)
    except RequestError as error:
        assert error.problems  # noqa: PT017 - it need not be raised
