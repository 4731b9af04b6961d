"""Laws of the codec over any bytes and over any names."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tabi.errors import RequestError
from tabi.serving import codec
from tabi.serving.codec import Codec, read_batch, read_predict
from tabi.serving.messages import Row
from tabi.serving.problems import problem_of

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner))
bodies = st.fixed_dictionaries({}, optional={"features": values, "rows": values, "else": values})
pairs = st.lists(st.tuples(st.sampled_from(["a", "b", "a:", ':"', "\\", "é"]), scalars), max_size=6)


def json_of(row: list[tuple[str, Any]], *, ascii_only: bool) -> str:
    members = (f"{json.dumps(name, ensure_ascii=ascii_only)}:{json.dumps(value)}" for name, value in row)
    return "{" + ",".join(members) + "}"


def read_rows(body: bytes) -> list[Row]:
    return [row for chunk in read_batch(body) for row in chunk]


@given(st.binary(max_size=60) | bodies.map(lambda body: json.dumps(body).encode()))
@example(b'{"features":{"\\ud800":{}}}')
@example(b'{"rows":[{"a":1e999}]}')
@example(b'{"":1}')
def test_any_bytes_are_rows_or_a_problem_with_its_places(body: bytes) -> None:
    for read in (read_predict, read_rows):
        try:
            read(body)
        except RequestError as error:
            response = problem_of(error, "id")
            problem = json.loads(response.content)
            assert response.status == 422
            assert all(place["path"] and place["rule"] and place["message"] for place in problem["errors"])
            assert len(problem["errors"]) >= 1
            assert problem["detail"].isprintable()


@given(st.lists(pairs, max_size=3), st.booleans())
def test_a_name_that_stands_twice_is_found_whatever_colons_stand_around_it(
    rows: list[list[tuple[str, Any]]], ascii_only: bool
) -> None:
    body = '{"rows":[' + ",".join(json_of(row, ascii_only=ascii_only) for row in rows) + "]}"
    twice = {
        f"rows[{index}].{name}"
        for index, row in enumerate(rows)
        for name in {name for name, _ in row}
        if [other for other, _ in row].count(name) > 1
    }
    # json.dumps writes NaN and infinity, which are no JSON
    finite = not any(isinstance(v, float) and v - v != 0 for row in rows for _, v in row)
    found, told = None, set()
    try:
        found = read_rows(body.encode())
    except RequestError as error:
        told = {path for path, rule in error.problems if rule == "repeated_name"}
    assert told == twice
    assert found == (None if twice or not finite else [dict(row) for row in rows])


# windows


separators = st.sampled_from([",", " ,", ",\n  ", "\n\t, "])
texts = st.text('ab}],:{["\\\u00e9', max_size=8)
rows_of_any_text = st.lists(
    st.dictionaries(texts, texts | st.none() | st.floats(allow_nan=False, allow_infinity=False))
)


@given(rows_of_any_text, separators, st.integers(8, 60), st.booleans())
@settings(max_examples=150)
def test_rows_are_the_same_in_windows_of_any_size(
    rows: list[Row], separator: str, window: int, ascii_only: bool
) -> None:
    text = separator.join(json.dumps(row, ensure_ascii=ascii_only) for row in rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(codec, "WINDOW", window)
        assert read_rows(f' {{ "rows" : [ {text} ] }} \n'.encode()) == rows
        # by another spelling of the name the list is found another way
        assert read_rows(f'{{"\\u0072ows":[{text}]}}'.encode()) == rows


@given(st.lists(texts), st.integers(8, 60))
def test_columns_are_the_same_in_windows_of_any_size(values: list[str], window: int) -> None:
    body = json.dumps({"columns": {"a": values, "b:": values}}).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(codec, "WINDOW", window)
        assert read_rows(body) == [{"a": value, "b:": value} for value in values]


@given(rows_of_any_text, st.integers(8, 60), st.data())
def test_a_body_that_is_cut_or_changed_is_refused_in_windows_as_it_is_whole(
    rows: list[Row], window: int, data: st.DataObject
) -> None:
    body = json.dumps({"rows": rows}).encode()
    at = data.draw(st.integers(0, len(body) - 1))
    spoilt = body[:at] + data.draw(st.binary(max_size=2)) + body[at + 1 :]

    def found() -> list[Row] | None:
        try:
            return read_rows(spoilt)
        except RequestError:
            return None

    whole = found()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(codec, "WINDOW", window)
        assert found() == whole


def places_of(body: bytes) -> list[tuple[str, str]]:
    with pytest.raises(RequestError) as raised:
        read_rows(body)
    return list(raised.value.problems)


FAR = 64 * 1024


def test_what_is_wrong_far_inside_a_large_body_is_told_by_its_place() -> None:
    rows = b"{}," * FAR
    assert places_of(b'{"rows":[' + rows + b'{"age":[]}]}') == [(f"rows[{FAR}][...]", "wrong_shape")]
    assert places_of(b'{"rows":[' + rows + b"]}") == [("$", "not_json")]
    assert places_of(b'{"rows":[' + rows + b'{"a":1,"a":2}]}') == [("$", "repeated_name")]
    values = b"1," * FAR
    assert places_of(b'{"columns":{"age":[' + values + b"{}]}}") == [(f"columns.age[{FAR}]", "wrong_shape")]
    with pytest.raises(RequestError, match=f"at byte {9 + len(rows) + 1}"):
        read_rows(b'{"rows":[' + rows + b"{z}]}")


def test_a_large_body_costs_no_more_than_its_windows() -> None:
    import tracemalloc

    for body in (b'{"rows":[' + b"{}," * 400_000 + b"{}]}", b'{"rows":[' + b'{"a":"b:c"},' * 200_000 + b"{}]}"):
        tracemalloc.start()
        count = sum(len(rows) for rows in read_batch(body))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert count in (400_001, 200_001)
        assert peak < 12_000_000


# limits


SMALL = Codec(columns=3, string=10, row=200)
WIDE: Row = {"a": 1, "b": 2, "c": 3, "d": 4}
LONG = "x" * 11


def refused(read: Any, content: Any) -> list[tuple[str, str]]:
    with pytest.raises(RequestError) as raised:
        list(read(json.dumps(content).encode()))
    return list(raised.value.problems)


def test_a_row_of_too_many_columns_is_refused_in_every_form() -> None:
    assert refused(SMALL.read_predict, {"features": WIDE}) == [("features", "too_many_columns")]
    assert refused(SMALL.read_line, WIDE) == [("$", "too_many_columns")]
    assert refused(SMALL.read_batch, {"rows": [{}, WIDE]}) == [("rows[1]", "too_many_columns")]
    columns = {name: [1] for name in WIDE}
    assert refused(SMALL.read_batch, {"columns": columns}) == [("columns", "too_many_columns")]
    assert SMALL.read_predict(b'{"features":{"a":1,"b":2,"c":3}}') == {"a": 1, "b": 2, "c": 3}


def test_a_text_or_a_name_that_is_too_long_is_refused_in_every_form() -> None:
    for row in ({"a": LONG}, {LONG: 1}):
        assert refused(SMALL.read_predict, {"features": row})[0][1] == "too_long"
        assert refused(SMALL.read_line, row)[0][1] == "too_long"
        assert refused(SMALL.read_batch, {"rows": [{}, row]})[0][1] == "too_long"
        assert refused(SMALL.read_batch, {"rows": [{}, {"a": LONG}]}) == [("rows[1].a", "too_long")]
    assert refused(SMALL.read_batch, {"columns": {"a": [LONG]}}) == [("columns.a[0]", "too_long")]
    assert refused(SMALL.read_batch, {"columns": {LONG: [1]}}) == [("columns", "too_long")]
    assert SMALL.read_predict(b'{"features":{"a":"xxxxxxxxxx"}}') == {"a": "x" * 10}


def test_rows_of_other_readers_have_the_same_limits() -> None:
    def path(fault: Any) -> str:
        return f"inputs[{fault.row}].{fault.column}"

    SMALL.check([WIDE], 5, path)
    wrong: list[tuple[list[Row], str]] = [([{}, WIDE], "too_many_columns")]
    wrong += [([{"a": LONG}], "too_long"), ([{LONG: 1}], "too_long")]
    for rows, rule in wrong:
        with pytest.raises(RequestError) as raised:
            SMALL.check(rows, 1000, path)
        assert raised.value.problems[0][1] == rule


def test_a_million_columns_are_refused_in_every_form() -> None:
    many = b",".join(b'"c%d":1' % index for index in range(100_000))
    for body in (b'{"rows":[{' + many + b"}]}", b'{"columns":{' + many.replace(b":1", b":[1]") + b"}}"):
        assert {rule for _, rule in places_of(body)} <= {"too_many_columns", "too_long"}
    with pytest.raises(RequestError):
        read_predict(b'{"features":{' + many + b"}}")
