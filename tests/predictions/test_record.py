"""A line of the prediction log is valid JSON whatever the caller sent."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabi.predictions import (
    Line,
    LogReader,
    MulticlassLine,
    PredictionLine,
    PredictionLog,
    RegressionLine,
    encode_lines,
)

any_text = st.text(st.characters())
inputs = st.none() | st.floats() | any_text
common: dict[str, Any] = {
    "id": any_text,
    "row": st.integers(0, 100_000),
    "time": st.floats(0, 4e9),
    "model": any_text,
    "version": any_text,
    "inputs": st.lists(inputs, max_size=5),
    "warnings": st.lists(st.tuples(any_text, any_text), max_size=3),
    "ms": st.floats(0, 1e6),
    "arm": any_text,
    "unit": any_text,
}
numbers = st.none() | st.floats()
lines = (
    st.builds(PredictionLine, label=any_text, probability=numbers, **common)
    | st.builds(MulticlassLine, label=any_text, probabilities=st.lists(numbers, max_size=4), **common)
    | st.builds(RegressionLine, value=numbers, **common)
)
KINDS = {PredictionLine: "prediction", MulticlassLine: "multiclass", RegressionLine: "regression"}


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
def test_any_lines_come_back_from_the_log(tmp_path_factory: pytest.TempPathFactory, given: list[Line]) -> None:
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
def test_each_line_is_one_json_object_of_its_kind_to_any_reader(given: list[Line]) -> None:
    encoded = encode_lines(given)
    assert encoded.endswith(b"\n")
    assert encoded.count(b"\n") == len(given)
    kinds = [json.loads(text.decode(), parse_constant=refused)["kind"] for text in encoded.splitlines()]
    assert kinds == [KINDS[type(line)] for line in given]


def test_a_line_that_was_written_before_there_were_other_tasks_is_read(tmp_path: Path) -> None:
    old = (
        b'{"kind":"prediction","id":"r","row":0,"time":1.5,"model":"m","version":"v","inputs":[1.0,"a"],"label":"yes",'
        b'"probability":0.5,"warnings":[["a","missing"]],"ms":0.1}\n'
    )
    (tmp_path / "old.jsonl").write_bytes(old)
    (found,) = LogReader(tmp_path)
    assert found == PredictionLine("r", 0, 1.5, "m", "v", [1.0, "a"], "yes", 0.5, [("a", "missing")], 0.1)
    assert encode_lines([found]) == old


def test_arm_and_unit_take_nothing_in_a_line_that_has_none() -> None:
    (bare,) = encode_lines([a_line()]).splitlines()
    assert not {"arm", "unit"} & json.loads(bare).keys()
    (full,) = encode_lines([a_line(arm="canary", unit="u-1")]).splitlines()
    assert {name: json.loads(full)[name] for name in ("arm", "unit")} == {"arm": "canary", "unit": "u-1"}


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
