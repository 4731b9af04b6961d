"""Columns of a large body in windows of any size: what is read, and what is refused where."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabi.contract import Scalar
from tabi.errors import RequestError
from tabi.serving.columns import Bounds, read_columns

WIDE = Bounds(100, 1000, 1000, 10_000, 64)
decode = msgspec.json.Decoder(list[Scalar]).decode
texts = st.text('a]},:[{"\\é', max_size=8)
values = texts | st.none() | st.booleans() | st.integers(-5, 5)


def read(body: bytes, bounds: Bounds = WIDE) -> dict[str, Any]:
    return read_columns(body, len(b'{"columns":{'), len(body), decode, bounds)


def places(body: bytes, bounds: Bounds = WIDE) -> list[tuple[str, str]]:
    with pytest.raises(RequestError) as raised:
        read(body, bounds)
    return list(raised.value.problems)


@given(st.dictionaries(texts, st.lists(values)), st.integers(4, 70), st.booleans(), st.sampled_from(["", " ", "\n\t"]))
def test_columns_are_read_as_they_were_written(
    columns: dict[str, Any], window: int, ascii_only: bool, space: str
) -> None:
    inner = json.dumps(columns, ensure_ascii=ascii_only, separators=(space + "," + space, space + ":" + space))
    body = f'{{"columns":{inner}{space}}}'.encode()
    assert read(body, WIDE._replace(window=window)) == columns


@given(st.dictionaries(texts, st.lists(values), min_size=1), st.integers(4, 70), st.data())
def test_what_json_refuses_is_refused(columns: dict[str, Any], window: int, data: st.DataObject) -> None:
    body = json.dumps({"columns": columns}).replace('{"columns": ', '{"columns":').encode()
    at = data.draw(st.integers(len(b'{"columns":{'), len(body) - 1))
    spoilt = body[:at] + data.draw(st.binary(max_size=2)) + body[at + 1 :]
    try:
        found: Any = read(spoilt, WIDE._replace(window=window))
    except RequestError:
        found = None
    try:
        # duplicates are refused, which a plain decoder lets pass
        whole = msgspec.json.decode(spoilt)["columns"] if found is not None else None
    except msgspec.DecodeError:
        whole = "nothing"
    assert found == whole


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        (b'"a":[1,]}}', [("$", "not_json")]),
        (b'"a":[1 2]}}', [("$", "not_json")]),
        (b'"a":[1]', [("$", "not_json")]),
        (b'"a":[1],}}', [("$", "not_json")]),
        (b'"a":["x}}', [("$", "not_json")]),
        (b'"a":[1]}} x', [("$", "not_json")]),
        (b'"a":1}}', [("columns.a", "not_an_array")]),
        (b'"a":[[1],2]}}', [("columns.a[0]", "not_a_scalar")]),
        (b'"a":[1,{}]}}', [("columns.a[1]", "not_a_scalar")]),
        (b'"a":[1],"a":[2]}}', [("columns.a", "repeated_name")]),
        (b'"a":[1],"\\u0061":[2]}}', [("columns.a", "repeated_name")]),
        (b'"a":[1e400]}}', [("columns.a[0]", "not_finite")]),
        (b'"a":[1]},"rows":[]}', [("rows", "unknown_field")]),
    ],
)
def test_each_refusal_names_its_place(inner: bytes, expected: list[tuple[str, str]]) -> None:
    assert places(b'{"columns":{' + inner) == expected


def test_bounds_are_kept_before_more_is_read() -> None:
    many = b",".join(b'"c%d":[1]' % index for index in range(200))
    assert places(b'{"columns":{' + many + b"}}") == [("columns", "too_many_columns")]
    assert places(b'{"columns":{"a":[' + b"1," * 5000 + b"1]}}") == [("columns", "too_many_rows")]
    assert places(b'{"columns":{"' + b"n" * 2000 + b'":[1]}}') == [("columns", "too_long")]
    assert places(b'{"columns":{"a":["' + b"x" * 50_000 + b'"]}}') == [("columns.a[0]", "too_long")]
