"""A line of the prediction log is valid JSON whatever the caller sent."""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabi.predictions import LogReader, PredictionLine, PredictionLog, encode_lines

any_text = st.text(st.characters())
inputs = st.none() | st.floats() | any_text
lines = st.builds(
    PredictionLine,
    id=any_text,
    row=st.integers(0, 100_000),
    time=st.floats(0, 4e9),
    model=any_text,
    version=any_text,
    inputs=st.lists(inputs, max_size=5),
    label=any_text,
    probability=st.none() | st.floats(),
    warnings=st.lists(st.tuples(any_text, any_text), max_size=3),
    ms=st.floats(0, 1e6),
)


def a_line(**fields: Any) -> PredictionLine:
    line = PredictionLine("r", 0, 1.5, "m", "v", [1.0], "yes", 0.5, [], 0.1)
    return msgspec.structs.replace(line, **fields)


def kept(value: object) -> object:
    """What the log keeps of a value: neither NaN nor infinity, nor half of a surrogate pair."""
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (list, tuple)):
        return type(value)(kept(inner) for inner in value)
    return value


def refused(constant: str) -> float:
    raise AssertionError(f"{constant} is not JSON")


@given(st.lists(lines, max_size=4))
def test_any_lines_come_back_from_the_log(
    tmp_path_factory: pytest.TempPathFactory, given: list[PredictionLine]
) -> None:
    folder = tmp_path_factory.mktemp("log")
    log = PredictionLog(folder, 0)
    assert log.append(encode_lines(given), len(given))
    log.close()
    reader = LogReader(folder)
    assert list(reader) == [
        msgspec.structs.replace(line, **{name: kept(getattr(line, name)) for name in line.__struct_fields__})
        for line in given
    ]
    assert reader.skipped == 0


@given(st.lists(lines, min_size=1, max_size=4))
def test_each_line_is_one_json_object_of_its_kind_to_any_reader(given: list[PredictionLine]) -> None:
    encoded = encode_lines(given)
    assert encoded.endswith(b"\n")
    assert encoded.count(b"\n") == len(given)
    for text in encoded.splitlines():
        assert json.loads(text.decode(), parse_constant=refused)["kind"] == "prediction"


def test_no_line_is_no_byte() -> None:
    assert encode_lines([]) == b""


def test_nan_and_infinity_are_null() -> None:
    (found,) = encode_lines([a_line(inputs=[math.nan, math.inf, ""], probability=math.nan)]).splitlines()
    assert json.loads(found)["inputs"] == [None, None, ""]
    assert json.loads(found)["probability"] is None


def test_half_a_surrogate_pair_is_replaced_and_a_pair_in_two_halves_is_joined() -> None:
    (found,) = encode_lines([a_line(inputs=["a\ud800", "\ud83d\ude00"], id="\udfff")]).splitlines()
    assert json.loads(found)["inputs"] == ["a\ufffd", "😀"]
    assert json.loads(found)["id"] == "\ufffd"


def test_one_such_text_leaves_the_other_lines_as_they_are() -> None:
    first, _, last = encode_lines([a_line(id="first"), a_line(id="\ud800"), a_line(id="last")]).splitlines(
        keepends=True
    )
    assert first + last == encode_lines([a_line(id="first"), a_line(id="last")])
