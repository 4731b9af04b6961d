"""What an inference request answers, and how one that is wrong is refused."""

from __future__ import annotations

import json
import struct
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabi.errors import NotReadyError
from tabi.serving.codec import encode
from tabi.serving.messages import BatchReply
from tabi.serving.model import MAX_ROWS, Model
from tabi.serving.protocols import oip
from tabi.serving.protocols.exchange import Request, Response
from tests.serving.conftest import CITIES, SEXES

TOLD = "my-own-value"


def tensor(name: str, datatype: str, data: Any, shape: list[Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": [len(data)] if shape is None else shape, "data": data, **more}


def ask(model: Model, body: Any, tail: bytes = b"", length: str | None = None) -> Response:
    """Answer a body; `tail` and `length` as the extension of binary tensor data has them."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    told = length if length is not None else str(len(content)) if tail else None
    headers = {} if told is None else {"inference-header-content-length": told}
    return oip.infer(model, Request(headers, "", content + tail, "a-request"), model.decide)


def outputs(response: Response) -> dict[str, list[Any]]:
    assert response.status == 200, response.content
    return {output["name"]: output["data"] for output in json.loads(response.content)["outputs"]}


def predicted(model: Model, rows: list[dict[str, Any]]) -> BatchReply:
    reply = model.answer(encode({"rows": rows}), "a-request")
    assert isinstance(reply, BatchReply)
    return reply


def places(response: Response) -> list[tuple[str, str]]:
    assert 400 <= response.status < 500
    return [(place["path"], place["rule"]) for place in json.loads(response.content)["errors"]]


ROW = [
    tensor("age", "INT64", [39]),
    tensor("fare", "FP64", [7.25]),
    tensor("sex", "BYTES", ["male"]),
    tensor("city", "BYTES", ["東京"]),
]
AS_A_ROW = {"age": 39, "fare": 7.25, "sex": "male", "city": "東京"}


def test_an_answer_names_model_version_and_request_and_has_both_outputs(voyage: Model) -> None:
    answer = json.loads(ask(voyage, {"id": "42", "inputs": ROW}).content)
    (found,) = predicted(voyage, [AS_A_ROW]).predictions
    assert answer == {
        "model_name": "voyage",
        "model_version": voyage.version,
        "id": "42",
        "parameters": {"threshold": 0.4},
        "outputs": [
            {"name": "probability", "datatype": "FP64", "shape": [1], "data": [found.probability]},
            {"name": "label", "datatype": "BYTES", "shape": [1], "data": [found.label]},
        ],
    }


def test_no_id_is_answered_where_none_was_given(voyage: Model) -> None:
    assert "id" not in json.loads(ask(voyage, {"inputs": ROW}).content)


def test_only_the_outputs_that_are_asked_for_are_answered_in_that_order(voyage: Model) -> None:
    assert list(outputs(ask(voyage, {"inputs": ROW, "outputs": [{"name": "label"}]}))) == ["label"]
    both = [{"name": "label"}, {"name": "probability"}]
    assert list(outputs(ask(voyage, {"inputs": ROW, "outputs": both}))) == ["label", "probability"]


@pytest.mark.parametrize("shape", [[3], [3, 1]])
@pytest.mark.parametrize("nested", [False, True])
def test_a_column_is_flat_or_nested_in_a_shape_of_one_or_two_dimensions(
    voyage: Model, shape: list[int], nested: bool
) -> None:
    ages = [10.0, None, 80.0]
    data = [[age] for age in ages] if nested else ages
    response = ask(voyage, {"inputs": [tensor("age", "FP64", data, shape)]})
    if nested and len(shape) == 1:
        assert places(response) == [("inputs.age.data", "wrong_size")]
    else:
        expected = [p.probability for p in predicted(voyage, [{"age": age} for age in ages]).predictions]
        assert outputs(response)["probability"] == expected


@pytest.mark.parametrize("data", [[1.0, 2.0, 3.0, None], [[1.0, 2.0], [3.0, None]]])
def test_one_tensor_holds_all_columns_where_all_are_numbers(numbers: Model, data: list[Any]) -> None:
    rows: list[dict[str, Any]] = [{"age": 1.0, "fare": 2.0}, {"age": 3.0, "fare": None}]
    found = outputs(ask(numbers, {"inputs": [tensor("input", "FP64", data, [2, 2])]}))
    expected = predicted(numbers, rows).predictions
    assert found == {
        "probability": [p.probability for p in expected],
        "label": [p.label for p in expected],
    }


def test_a_column_of_numbers_alone_is_still_that_column(numbers: Model) -> None:
    found = outputs(ask(numbers, {"inputs": [tensor("fare", "FP64", [[9.0]], [1, 1])]}))
    assert found["probability"] == [predicted(numbers, [{"fare": 9.0}]).predictions[0].probability]


def test_a_table_of_a_model_with_categories_is_refused_by_its_shape(voyage: Model) -> None:
    response = ask(voyage, {"inputs": [tensor("input", "FP64", [[1.0, 2.0, 3.0, 4.0]], [1, 4])]})
    assert places(response) == [("inputs.input.shape", "wrong_dimensions")]


def test_no_rows_are_answered_with_none(voyage: Model, numbers: Model) -> None:
    assert outputs(ask(voyage, {"inputs": [tensor("age", "FP64", [])]})) == {"probability": [], "label": []}
    empty = tensor("input", "FP64", [], [0, 2])
    assert outputs(ask(numbers, {"inputs": [empty]})) == {"probability": [], "label": []}


def test_what_a_lenient_contract_lets_pass_is_told_by_the_tensors_name(voyage: Model) -> None:
    body = {"inputs": [tensor("age", "BYTES", ["10", TOLD]), tensor("ship", "INT8", [1, 2])]}
    answer = json.loads(ask(voyage, body).content)
    assert TOLD not in json.dumps(answer)
    lines = answer["parameters"]["warnings"].splitlines()
    assert [line.split(": ")[:2] for line in lines] == [
        ["inputs.ship.data[0]", "unknown_column"],
        ["inputs.age.data[1]", "not_a_number"],
        ["inputs.ship.data[1]", "unknown_column"],
    ]


def test_a_strict_contract_refuses_with_every_place(strict: Model) -> None:
    body = {"inputs": [tensor("age", "FP64", [150.0, None]), tensor("sex", "BYTES", ["male", TOLD])]}
    response = ask(strict, body)
    assert places(response) == [
        ("inputs.age.data[0]", "above_maximum"),
        ("inputs.age.data[1]", "missing"),
        ("inputs.sex.data[1]", "unknown_category"),
    ]
    assert TOLD not in response.content.decode()


def test_a_row_whose_numbers_overflow_is_refused(linear: Model) -> None:
    body = {"inputs": [tensor("age", "FP64", [1.0, 1.7e308]), tensor("fare", "FP64", [1.0, 1.7e308])]}
    assert places(ask(linear, body)) == [("inputs.*.data[1]", "no_probability")]


def test_an_error_has_the_protocols_member_and_those_of_a_problem_document(voyage: Model) -> None:
    response = ask(voyage, {"inputs": [tensor("age", "FP64", ["x"])]})
    told = json.loads(response.content)
    assert (response.status, response.content_type) == (400, "application/json")
    assert told["error"] == told["detail"]
    assert "inputs.age.data[0]" in told["error"]
    assert (told["status"], told["request_id"]) == (400, "a-request")


def test_other_errors_keep_their_status_in_the_protocols_form() -> None:
    response = oip.failure(NotReadyError("no model is loaded yet: try again in a moment"), "a-request")
    assert response.status == 503
    assert json.loads(response.content)["error"] == "no model is loaded yet: try again in a moment"
    hidden = oip.failure(RuntimeError(TOLD), "a-request")
    assert hidden.status == 500
    assert TOLD not in hidden.content.decode()


MALFORMED: list[tuple[Any, str, str]] = [
    (b"", "$", "not_json"),
    (b"{", "$", "not_json"),
    (b"[]", "$", "not_an_object"),
    (b'{"inputs":[{"name":"age","datatype":"FP64","shape":[1],"data":[NaN]}]}', "$", "not_json"),
    (
        b'{"inputs":[{"name":"age","datatype":"FP64","shape":[1],"data":["\xff"]}]}',
        "inputs.age.data[0]",
        "wrong_datatype",
    ),
    (b'{"inputs":[{"name":"age","datatype":"BYTES","shape":[1],"data":["\\ud800"]}]}', "$", "not_json"),
    ({}, "inputs", "missing_field"),
    ({"inputs": []}, "inputs", "missing_field"),
    ({"inputs": ROW, "id": 7}, "id", "not_a_string"),
    ({"inputs": [*ROW, ROW[0]]}, "inputs.age", "repeated_name"),
    ({"inputs": [{"datatype": "FP64", "shape": [1], "data": [1]}]}, "inputs[0].name", "missing_field"),
    ({"inputs": [{"name": "age", "shape": [1], "data": [1]}]}, "inputs.age.datatype", "missing_field"),
    ({"inputs": [{"name": "age", "datatype": "FP64", "shape": [1]}]}, "inputs.age.data", "missing_field"),
    ({"inputs": [tensor("age", "FP8", [1])]}, "inputs.age.datatype", "unknown_datatype"),
    ({"inputs": [tensor("age", "BF16", [1])]}, "inputs.age.datatype", "unknown_datatype"),
    ({"inputs": [tensor("age", "FP64", [1], [])]}, "inputs.age.shape", "wrong_dimensions"),
    ({"inputs": [tensor("age", "FP64", [1], [1, 1, 1])]}, "inputs.age.shape", "wrong_dimensions"),
    ({"inputs": [tensor("age", "FP64", [1, 2], [1, 2])]}, "inputs.age.shape", "wrong_dimensions"),
    ({"inputs": [tensor("age", "FP64", [1], [-1])]}, "inputs.age.shape[0]", "not_a_size"),
    ({"inputs": [tensor("age", "FP64", [1], [1.5])]}, "inputs.age.shape[0]", "not_a_size"),
    ({"inputs": [tensor("age", "FP64", [1], ["1"])]}, "inputs.age.shape[0]", "not_a_size"),
    ({"inputs": [tensor("age", "FP64", [1], [MAX_ROWS + 1])]}, "inputs.age.shape", "too_many_rows"),
    ({"inputs": [tensor("age", "FP64", [1], [10**30])]}, "inputs.age.shape", "too_many_rows"),
    ({"inputs": [tensor("age", "FP64", [1], [2])]}, "inputs.age.data", "wrong_size"),
    ({"inputs": [tensor("age", "FP64", [1, 2], [1])]}, "inputs.age.data", "wrong_size"),
    ({"inputs": [tensor("age", "FP64", [[1], [2, 3]], [2, 1])]}, "inputs.age.data[1]", "wrong_size"),
    ({"inputs": [ROW[0], tensor("fare", "FP64", [1, 2])]}, "inputs.fare.shape", "wrong_rows"),
    ({"inputs": [tensor("age", "FP64", 5, [1])]}, "inputs.age.data", "not_an_array"),
    ({"inputs": [tensor("age", "FP64", [1, "x"])]}, "inputs.age.data[1]", "wrong_datatype"),
    ({"inputs": [tensor("age", "FP64", [True])]}, "inputs.age.data[0]", "wrong_datatype"),
    ({"inputs": [tensor("age", "FP64", [{}])]}, "inputs.age.data[0]", "wrong_datatype"),
    ({"inputs": [tensor("age", "FP64", [[[1]]], [1, 1])]}, "inputs.age.data[0][0]", "wrong_datatype"),
    ({"inputs": [tensor("age", "FP32", [0, 1e39])]}, "inputs.age.data[1]", "wrong_datatype"),
    ({"inputs": [tensor("age", "FP16", [65536])]}, "inputs.age.data[0]", "wrong_datatype"),
    ({"inputs": [tensor("age", "INT64", [1.5])]}, "inputs.age.data[0]", "wrong_datatype"),
    ({"inputs": [tensor("age", "INT8", [127, None, 128])]}, "inputs.age.data[2]", "wrong_datatype"),
    ({"inputs": [tensor("age", "UINT16", [-1])]}, "inputs.age.data[0]", "wrong_datatype"),
    ({"inputs": [tensor("age", "UINT64", [2**64])]}, "inputs.age.data[0]", "wrong_datatype"),
    ({"inputs": [tensor("sex", "BYTES", [1])]}, "inputs.sex.data[0]", "wrong_datatype"),
    ({"inputs": [tensor("sex", "BOOL", [1])]}, "inputs.sex.data[0]", "wrong_datatype"),
    ({"inputs": ROW, "outputs": [{"name": "price"}]}, "outputs.price", "unknown_output"),
    ({"inputs": ROW, "outputs": [{"name": "label"}, {"name": "label"}]}, "outputs.label", "repeated_name"),
    (
        {"inputs": ROW, "outputs": [{"name": "label", "parameters": {"binary_data": "yes"}}]},
        "outputs.label.parameters.binary_data",
        "not_a_flag",
    ),
    (
        {"inputs": ROW, "outputs": [{"name": "label", "parameters": {"classification": 2}}]},
        "outputs.label.parameters.classification",
        "not_supported",
    ),
]


@pytest.mark.parametrize(("body", "path", "rule"), MALFORMED, ids=lambda value: str(value)[:60])
def test_a_malformed_request_is_refused_by_its_place(voyage: Model, body: Any, path: str, rule: str) -> None:
    response = ask(voyage, body)
    assert (response.status, places(response)) == (400, [(path, rule)])


def test_a_huge_shape_costs_nothing(voyage: Model, numbers: Model) -> None:
    bodies = [
        (voyage, {"inputs": [tensor("age", "FP64", [1], [10**12])]}),
        (numbers, {"inputs": [tensor("input", "FP64", [1], [MAX_ROWS, 10**12])]}),
        (numbers, {"inputs": [tensor("input", "FP64", [1], [MAX_ROWS, 2])]}),
    ]
    for model, body in bodies:
        ask(model, body)
        tracemalloc.start()
        try:
            response = ask(model, body)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert response.status == 400
        assert peak < 100_000


@pytest.mark.parametrize("value", ["1", "[1]", "[]", '"a"', "null", '{"a":1}'])
def test_data_beyond_its_shape_costs_nothing(voyage: Model, value: str) -> None:
    data = ",".join([value] * 200_000)
    body = f'{{"inputs":[{{"name":"sex","datatype":"BYTES","shape":[1,1],"data":[{data}]}}]}}'.encode()
    tracemalloc.start()
    try:
        response = ask(voyage, body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert places(response) == [("inputs.sex.data", "wrong_size")]
    assert peak < 3 * len(body) + 100_000


def test_commas_in_texts_are_no_values(voyage: Model) -> None:
    texts = ["," * 5000, '\\",' * 5000, "Kyoto"]
    found = outputs(ask(voyage, {"inputs": [tensor("city", "BYTES", texts)]}))
    assert found["label"] == [p.label for p in predicted(voyage, [{"city": text} for text in texts]).predictions]


def raw(name: str, datatype: str, size: int, shape: list[int]) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": shape, "parameters": {"binary_data_size": size}}


def test_bytes_behind_the_json_are_the_tensors_that_say_so(voyage: Model) -> None:
    city = "東京".encode()
    inputs = [raw("age", "FP64", 8, [1]), ROW[1], raw("city", "BYTES", 4 + len(city), [1]), ROW[2]]
    response = ask(voyage, {"inputs": inputs}, struct.pack("<d", 39.0) + struct.pack("<I", len(city)) + city)
    (found,) = predicted(voyage, [AS_A_ROW]).predictions
    assert outputs(response)["probability"] == [found.probability]


def test_outputs_are_bytes_where_that_is_asked_for(voyage: Model) -> None:
    (found,) = predicted(voyage, [AS_A_ROW]).predictions
    label = found.label.encode()
    response = ask(voyage, {"inputs": ROW, "parameters": {"binary_data_output": True}})
    assert response.content_type == "application/octet-stream"
    length = int(dict(response.headers)["inference-header-content-length"])
    told = json.loads(response.content[:length])["outputs"]
    assert [output["parameters"]["binary_data_size"] for output in told] == [8, 4 + len(label)]
    assert not any("data" in output for output in told)
    expected = struct.pack("<d", found.probability) + struct.pack("<I", len(label)) + label
    assert response.content[length:] == expected


def test_what_an_output_says_goes_before_what_the_request_says(voyage: Model) -> None:
    asked = [{"name": "label", "parameters": {"binary_data": False}}, {"name": "probability"}]
    response = ask(voyage, {"inputs": ROW, "outputs": asked, "parameters": {"binary_data_output": True}})
    length = int(dict(response.headers)["inference-header-content-length"])
    label, probability = json.loads(response.content[:length])["outputs"]
    assert "data" in label
    assert probability["parameters"] == {"binary_data_size": 8}


AGE = {"inputs": [raw("age", "FP64", 8, [1])]}
EIGHT = struct.pack("<d", 1.0)
WRONG_BYTES: list[tuple[Any, bytes, str | None, str, str]] = [
    (AGE, EIGHT, "9999", "inference-header-content-length", "wrong_size"),
    (AGE, EIGHT, "-1", "inference-header-content-length", "wrong_size"),
    (AGE, EIGHT, "١", "inference-header-content-length", "wrong_size"),
    (AGE, EIGHT, "9" * 5000, "inference-header-content-length", "wrong_size"),
    (AGE, EIGHT + b"x", None, "inference-header-content-length", "wrong_size"),
    (AGE, EIGHT[:7], None, "inputs.age.parameters.binary_data_size", "wrong_size"),
    (AGE, b"", None, "inputs.age.parameters.binary_data_size", "wrong_size"),
    ({"inputs": [raw("age", "FP64", 7, [1])]}, EIGHT[:7], None, "inputs.age.data", "wrong_size"),
    ({"inputs": [raw("age", "FP64", 8, [2])]}, EIGHT, None, "inputs.age.data", "wrong_size"),
    ({"inputs": [raw("age", "FP64", -8, [1])]}, EIGHT, None, "inputs.age.parameters.binary_data_size", "not_a_size"),
    ({"inputs": [raw("age", "FP64", 2**70, [1])]}, EIGHT, None, "inputs.age.parameters.binary_data_size", "wrong_size"),
    ({"inputs": [{**raw("age", "FP64", 8, [1]), "data": [1]}]}, EIGHT, None, "inputs.age.data", "not_alone"),
    ({"inputs": [raw("sex", "BOOL", 1, [1])]}, b"\x02", None, "inputs.sex.data[0]", "wrong_datatype"),
    ({"inputs": [raw("sex", "BYTES", 4, [1])]}, b"\x01\0\0\0", None, "inputs.sex.data", "wrong_size"),
    ({"inputs": [raw("sex", "BYTES", 4, [1])]}, b"\xff\xff\xff\xff", None, "inputs.sex.data", "wrong_size"),
    ({"inputs": [raw("sex", "BYTES", 3, [1])]}, b"\0\0\0", None, "inputs.sex.data", "wrong_size"),
    ({"inputs": [raw("sex", "BYTES", 5, [1])]}, b"\0\0\0\0x", None, "inputs.sex.data", "wrong_size"),
    ({"inputs": [raw("sex", "BYTES", 9, [2])]}, b"\x05\0\0\0aaaaa", None, "inputs.sex.data", "wrong_size"),
    ({"inputs": [raw("sex", "BYTES", 5, [1])]}, b"\x01\0\0\0\xff", None, "inputs.sex.data[0]", "wrong_datatype"),
]


@pytest.mark.parametrize(("body", "tail", "length", "path", "rule"), WRONG_BYTES, ids=lambda value: str(value)[:40])
def test_bytes_that_do_not_fit_are_refused_by_their_place(
    voyage: Model, body: Any, tail: bytes, length: str | None, path: str, rule: str
) -> None:
    assert places(ask(voyage, body, tail, length)) == [(path, rule)]


# a value, as /predict gets it, in a datatype that holds it
NUMBER = st.one_of(
    st.tuples(st.just("FP64"), st.none() | st.floats(-1e6, 1e6)),
    st.tuples(st.just("FP32"), st.none() | st.floats(-1e6, 1e6, width=32)),
    st.tuples(st.just("FP16"), st.none() | st.floats(-1e3, 1e3, width=16)),
    st.tuples(st.just("INT64"), st.integers(-(2**63), 2**63 - 1)),
    st.tuples(st.just("UINT64"), st.integers(0, 2**64 - 1)),
    st.tuples(st.just("INT8"), st.integers(-128, 127)),
    st.tuples(st.just("UINT16"), st.integers(0, 2**16 - 1)),
    st.tuples(st.just("BOOL"), st.booleans()),
    st.tuples(st.just("BYTES"), st.floats(0, 100).map(repr) | st.text(max_size=4)),
)
TEXT = st.one_of(
    st.tuples(st.just("BYTES"), st.sampled_from(["", *SEXES, *CITIES]) | st.text(max_size=4)),
    st.tuples(st.just("INT32"), st.integers(-5, 5)),
    st.tuples(st.just("FP64"), st.none() | st.floats(-5, 5)),
    st.tuples(st.just("BOOL"), st.booleans()),
)


def as_bytes(datatype: str, value: Any) -> bytes:
    if datatype == "BYTES":
        content: bytes = value.encode()
        return struct.pack("<I", len(content)) + content
    codes = {"FP": "f", "INT": "i", "UINT": "u"}
    kind = datatype.rstrip("0123456789")
    code = "u1" if datatype == "BOOL" else f"<{codes[kind]}{int(datatype.removeprefix(kind)) // 8}"
    return np.array(np.nan if value is None else value, code).tobytes()


@given(
    cells=st.fixed_dictionaries({}, optional={"age": NUMBER, "fare": NUMBER, "sex": TEXT, "city": TEXT}).filter(bool),
    binary=st.sets(st.sampled_from(["age", "fare", "sex", "city"])),
    deep=st.booleans(),
    beside=st.integers(0, 3),
)
def test_a_row_in_any_datatype_and_form_gets_the_bits_that_predict_gives_it(
    voyage: Model, cells: dict[str, tuple[str, Any]], binary: set[str], deep: bool, beside: int
) -> None:
    """`beside`: how often the row stands in the request."""
    count = beside + 1
    shape = [count, 1] if deep else [count]
    inputs = []
    tail = b""
    for name, (datatype, value) in cells.items():
        if name in binary:
            content = as_bytes(datatype, value) * count
            inputs.append(raw(name, datatype, len(content), shape))
            tail += content
        else:
            inputs.append(tensor(name, datatype, [[value]] * count if deep else [value] * count, shape))
    body = encode({"inputs": inputs})
    response = ask(voyage, body, tail, str(len(body)))
    reply = predicted(voyage, [{name: value for name, (_, value) in cells.items()}])
    (found,) = reply.predictions
    assert outputs(response) == {"probability": [found.probability] * count, "label": [found.label] * count}
    warned = json.loads(response.content)["parameters"].get("warnings", "").splitlines()
    assert sorted(line.split(": ")[1] for line in warned) == sorted([w.rule for w in reply.warnings] * count)


@given(
    body=st.binary(max_size=60) | st.text(max_size=60).map(str.encode),
    length=st.none() | st.text("0123456789-+ ", max_size=4),
)
def test_no_bytes_whatever_are_more_than_refused(voyage: Model, body: bytes, length: str | None) -> None:
    assert ask(voyage, body, b"", length).status == 400


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(
    fields=st.fixed_dictionaries(
        {"name": st.sampled_from(["age", "sex", "ship"]) | JSON},
        optional={
            "datatype": st.sampled_from(["FP64", "FP32", "INT8", "UINT64", "BOOL", "BYTES"]) | JSON,
            "shape": st.lists(st.integers(0, 3), max_size=3) | JSON,
            "data": st.lists(st.lists(JSON, max_size=2) | JSON, max_size=3) | JSON,
            "parameters": st.fixed_dictionaries({}, optional={"binary_data_size": st.integers(-1, 9) | JSON}),
        },
    ),
    rest=st.fixed_dictionaries({}, optional={"id": JSON, "parameters": JSON, "outputs": JSON}),
    tail=st.binary(max_size=9),
)
def test_no_json_whatever_is_more_than_refused(
    voyage: Model, fields: dict[str, Any], rest: dict[str, Any], tail: bytes
) -> None:
    body = json.dumps({"inputs": [fields], **rest}).encode()
    assert ask(voyage, body, tail, str(len(body))).status in (200, 400)
