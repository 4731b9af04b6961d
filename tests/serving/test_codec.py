"""Laws of the codec over any bytes and over any names."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from tabi.errors import RequestError
from tabi.serving.codec import read_batch, read_predict
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
