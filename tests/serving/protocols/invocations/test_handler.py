"""What `/invocations` answers. That it is what MLflow answers is shown in tests/system/test_mlflow_compat.py."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabi import __version__
from tabi.errors import NotReadyError
from tabi.serving.codec import encode
from tabi.serving.messages import BatchReply
from tabi.serving.model import Decisions, Model
from tabi.serving.protocols import invocations
from tabi.serving.protocols.exchange import Request, Response
from tests.serving.conftest import CITIES, SEXES

TOLD = "my-own-value"
NAMES = ["age", "fare", "sex", "city"]
ROW: list[Any] = [39, 7.25, "male", "東京"]
ROWS: list[list[Any]] = [ROW, [80, None, "female", None]]
RECORDS = [dict(zip(NAMES, row, strict=True)) for row in ROWS]


def ask(model: Model, body: Any, kind: str | None = "application/json") -> Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {} if kind is None else {"content-type": kind}
    return invocations.invoke(model, Request(headers, "", content, "a-request"), model.decide)


def predictions(response: Response) -> list[Any]:
    assert response.status == 200, response.content
    found: list[Any] = json.loads(response.content)["predictions"]
    return found


def predicted(model: Model, rows: list[dict[str, Any]]) -> BatchReply:
    reply = model.answer(encode({"rows": rows}), "a-request")
    assert isinstance(reply, BatchReply)
    return reply


def labels(model: Model, rows: list[dict[str, Any]]) -> list[str]:
    return [p.label for p in predicted(model, rows).predictions]


def places(response: Response) -> list[tuple[str, str]]:
    assert 400 <= response.status < 500
    return [(place["path"], place["rule"]) for place in json.loads(response.content)["errors"]]


MIXED: list[dict[str, Any]] = [
    {"dataframe_split": {"columns": NAMES, "data": ROWS}},
    {"dataframe_split": {"columns": NAMES, "index": ["a", "b"], "data": ROWS}},
    {"dataframe_split": {"columns": NAMES[::-1], "data": [row[::-1] for row in ROWS]}},
    {"dataframe_records": RECORDS},
    {"dataframe_records": [RECORDS[0], {"age": 80, "sex": "female"}]},
    {"instances": RECORDS},
    {"instances": {name: [row[name] for row in RECORDS] for name in NAMES}},
    {"inputs": RECORDS},
    {"inputs": {name: [row[name] for row in RECORDS] for name in NAMES}},
    {"dataframe_records": RECORDS, "anything": 1, "params": {"temperature": 3}},
]


@pytest.mark.parametrize("body", MIXED, ids=lambda body: str(body)[:50])
def test_every_format_of_a_table_is_the_same_rows(voyage: Model, body: dict[str, Any]) -> None:
    response = ask(voyage, body)
    assert response.content_type == "application/json"
    assert json.loads(response.content) == {"predictions": labels(voyage, RECORDS)}


def test_single_values_are_one_row(voyage: Model) -> None:
    assert predictions(ask(voyage, {"inputs": RECORDS[0]})) == labels(voyage, RECORDS[:1])


UNNAMED: list[dict[str, Any]] = [
    {"dataframe_split": {"data": [[1, 2], [3, None]]}},
    {"instances": [[1, 2], [3, None]]},
    {"inputs": [[1, 2], [3, None]]},
]


@pytest.mark.parametrize("body", UNNAMED, ids=str)
def test_numbers_without_names_are_the_contracts_columns(numbers: Model, voyage: Model, body: dict[str, Any]) -> None:
    found = [str(label) for label in predictions(ask(numbers, body))]
    assert found == labels(numbers, [{"age": 1, "fare": 2}, {"age": 3}])
    (place,) = places(ask(voyage, body))
    assert place[1] == "missing_field"


def test_classes_that_are_whole_numbers_are_answered_as_numbers(numbers: Model, voyage: Model) -> None:
    rows = [[age, 20] for age in range(0, 100, 5)]
    assert set(predictions(ask(numbers, {"inputs": rows}))) == {0, 1}
    assert predictions(ask(voyage, {"inputs": RECORDS})) == labels(voyage, RECORDS)


@pytest.mark.parametrize(
    ("classes", "answered"),
    [
        (("false", "true"), [False, True]),
        (("-1", "1"), [-1, 1]),
        (("0", "1.5"), ["0", "1.5"]),
        (("01", "2"), ["01", "2"]),
        (("٠", "١"), ["٠", "١"]),
        (("no", "true"), ["no", "true"]),
        (("0", "9" * 5000), ["0", "9" * 5000]),
    ],
)
def test_a_class_is_a_number_or_a_boolean_only_if_both_are(
    numbers: Model, classes: tuple[str, str], answered: list[Any]
) -> None:
    from copy import copy

    import msgspec

    from tabi.contract import Target
    from tabi.serving.answers.binary import Binary

    model = copy(numbers)
    model.contract = msgspec.structs.replace(numbers.contract, target=Target("arrived", classes))
    model.answers = Binary(model.contract, model.name, model.version, 0.5)
    request = Request({"content-type": "application/json"}, "", b'{"inputs":[[1,2],[3,4]]}', "a-request")
    decided = Decisions([], np.array([0.25, 0.75]), [])
    found = predictions(invocations.invoke(model, request, lambda _rows, _path: decided))
    assert [(type(value), value) for value in found] == [(type(value), value) for value in answered]


def test_probabilities_of_both_classes_are_answered_where_they_are_asked_for(voyage: Model) -> None:
    body = {"inputs": RECORDS, "params": {"predict_method": "predict_proba"}}
    expected = [p.probability for p in predicted(voyage, RECORDS).predictions]
    assert predictions(ask(voyage, body)) == [[1 - p, p] for p in expected]


@pytest.mark.parametrize("method", ["predict_log_proba", None, ["predict"], 1])
def test_another_method_is_refused(voyage: Model, method: Any) -> None:
    response = ask(voyage, {"inputs": RECORDS, "params": {"predict_method": method}})
    assert places(response) == [("params.predict_method", "not_supported")]


CSV = "age,fare,sex,city\n39,7.25,male,東京\n80,,female,\n"


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("text/csv", CSV),
        ("Text/CSV; charset=UTF-8", CSV),
        ('text/csv; charset="utf-8"; header=present', CSV),
        ("text/csv", CSV.replace("\n", "\r\n")),
        ("text/csv", "\ufeff" + CSV),
        ("text/csv", "\n" + CSV.replace("\n", "\n\n")),
        ("text/csv", 'city,"age",fare,sex\n"東京",39,"7.25",male\n,80,,female'),
        ("text/csv", "age,fare,sex,city\n39,7.25,male,東京\n80,NA,female,nan\n"),
        ("text/csv; header=absent", "39,male,7.25,東京\n80,female,,\n"),
    ],
)
def test_csv_is_read_with_its_header_or_without(voyage: Model, kind: str, text: str) -> None:
    found = json.loads(ask(voyage, text.encode(), kind).content)
    assert found == {"predictions": labels(voyage, RECORDS)}


def test_a_word_for_a_missing_value_is_a_category_where_the_contract_has_it(voyage: Model) -> None:
    from copy import copy

    import msgspec

    from tabi.contract import CategoricalColumn

    seen: list[Any] = []
    model = copy(voyage)
    columns = tuple(
        msgspec.structs.replace(column, categories=("NA", "DE")) if column.name == "city" else column
        for column in voyage.contract.columns
        if isinstance(column, CategoricalColumn) or column.name != "city"
    )
    model.contract = msgspec.structs.replace(voyage.contract, columns=columns)
    request = Request({"content-type": "text/csv"}, "", b"age,fare,sex,city\nNA,None,NA,NA\n", "a-request")

    def decide(rows: Any, _path: Any) -> Decisions:
        seen.extend(rows)
        return Decisions([], np.empty(0), [])

    assert invocations.invoke(model, request, decide).status == 200
    assert seen == [{"age": None, "fare": None, "sex": None, "city": "NA"}]


def test_nan_is_a_missing_value_as_pythons_json_writes_it(voyage: Model) -> None:
    body = {"dataframe_split": {"columns": NAMES, "data": [[float("nan"), 7.25, "NaN", "東京"]]}}
    assert b"NaN" in json.dumps(body).encode()
    assert predictions(ask(voyage, body)) == labels(voyage, [{"fare": 7.25, "sex": "NaN", "city": "東京"}])


@pytest.mark.parametrize("number", ["Infinity", "-Infinity", "1e400", "-NaN", "NaN1", "[NaN]"])
@pytest.mark.parametrize("beside", ["1", "NaN"])
def test_no_other_word_of_python_is_a_number(numbers: Model, number: str, beside: str) -> None:
    assert ask(numbers, f'{{"inputs":[[{number},{beside}]]}}'.encode()).status == 400


def test_text_that_holds_the_word_is_left_as_it_is(voyage: Model) -> None:
    row = '{"age":NaN,"fare":1,"sex":"a\\\\\\"NaN,","city":"NaN"}'
    seen: list[Any] = []

    def decide(rows: Any, _path: Any) -> Decisions:
        seen.extend(rows)
        return Decisions([], np.empty(0), [])

    request = Request({"content-type": "application/json"}, "", f'{{"inputs":[{row}]}}'.encode(), "a-request")
    assert invocations.invoke(voyage, request, decide).status == 200
    assert seen == [{"age": None, "fare": 1, "sex": 'a\\"NaN,', "city": "NaN"}]


def test_what_a_lenient_contract_lets_pass_is_told_beside_the_predictions(voyage: Model) -> None:
    answer = json.loads(ask(voyage, {"inputs": [{**RECORDS[0], "age": TOLD, "ship": TOLD}]}).content)
    told = [(warning["path"], warning["rule"]) for warning in answer["warnings"]]
    assert told == [("inputs[0].age", "not_a_number"), ("inputs[0].ship", "unknown_column")]
    assert TOLD not in json.dumps(answer)
    by_column = {name: [value] for name, value in {**RECORDS[0], "age": TOLD}.items()}
    (warning,) = json.loads(ask(voyage, {"inputs": by_column}).content)["warnings"]
    assert warning["path"] == "inputs.age[0]"


def test_a_strict_contract_refuses_with_every_place(strict: Model) -> None:
    body = {"dataframe_split": {"columns": NAMES, "data": [[150, 1, "male", TOLD]]}}
    response = ask(strict, body)
    assert places(response) == [
        ("dataframe_split.data[0].age", "above_maximum"),
        ("dataframe_split.data[0].city", "unknown_category"),
    ]
    assert TOLD not in response.content.decode()


def test_an_error_has_mlflows_members_and_those_of_a_problem_document(voyage: Model) -> None:
    response = ask(voyage, {"inputs": RECORDS, "instances": RECORDS})
    told = json.loads(response.content)
    assert (response.status, response.content_type) == (400, "application/json")
    assert told["error_code"] == "BAD_REQUEST"
    assert told["message"] == told["detail"]
    assert (told["status"], told["request_id"]) == (400, "a-request")


def test_other_errors_keep_their_status_in_mlflows_form() -> None:
    response = invocations.failure(NotReadyError("no model is loaded yet: try again in a moment"), "a-request")
    assert (response.status, json.loads(response.content)["error_code"]) == (503, "TEMPORARILY_UNAVAILABLE")
    assert dict(response.headers) == {"retry-after": "1"}


SPLIT = {"columns": NAMES, "data": ROWS}
MALFORMED: list[tuple[Any, list[tuple[str, str]]]] = [
    (b"", [("$", "not_json")]),
    (b"{", [("$", "not_json")]),
    (b"{NaN", [("$", "not_json")]),
    (b'{"inputs":[{"age":"\\ud800"}]}', [("$", "not_json")]),
    (b'{"inputs":[{"age":NaN,"sex":"\\ud800"}]}', [("$", "not_json")]),
    (b'{"inputs":' + b"[" * 100_000, [("inputs[0][0]", "not_a_scalar")]),
    (b'{"params":' + b"[" * 100_000, [("$", "not_json")]),
    (b"[]", [("$", "not_an_object")]),
    (b'"text"', [("$", "not_an_object")]),
    ({}, [("$", "missing_field")]),
    ({"messages": []}, [("$", "missing_field")]),
    ({"inputs": RECORDS, "dataframe_split": SPLIT}, [("dataframe_split", "not_alone"), ("inputs", "not_alone")]),
    ({"dataframe_split": []}, [("dataframe_split", "not_an_object")]),
    ({"dataframe_split": {"columns": NAMES}}, [("dataframe_split.data", "missing_field")]),
    ({"dataframe_split": {**SPLIT, "dtype": 1}}, [("dataframe_split.dtype", "unknown_field")]),
    ({"dataframe_split": {"columns": [*NAMES, "age"], "data": []}}, [("dataframe_split.data.age", "repeated_name")]),
    ({"dataframe_split": {"columns": NAMES, "data": [ROW, ROW[:3]]}}, [("dataframe_split.data[1]", "wrong_size")]),
    ({"dataframe_split": {"columns": NAMES, "data": [[*ROW, 1]]}}, [("dataframe_split.data[0]", "wrong_size")]),
    ({"dataframe_split": {"columns": NAMES, "data": []}}, [("dataframe_split.data", "missing_field")]),
    (
        {"dataframe_split": {"columns": NAMES[1:], "data": [ROW[1:]]}},
        [("dataframe_split.data.age", "missing_field")],
    ),
    (
        {"dataframe_split": {"columns": NAMES, "data": [[[1], 2, 3, 4]]}},
        [("dataframe_split.data[0][0]", "not_a_scalar")],
    ),
    ({"dataframe_split": {**SPLIT, "index": [1]}}, [("dataframe_split.index", "wrong_size")]),
    (
        b'{"dataframe_split":{"columns":["age"],"data":[[1e400]]}}',
        [("dataframe_split.data[0][0]", "not_finite")],
    ),
    ({"dataframe_records": {}}, [("dataframe_records", "not_a_list")]),
    ({"dataframe_records": []}, [("dataframe_records", "missing_field")]),
    ({"dataframe_records": [1]}, [("dataframe_records[0]", "not_an_object")]),
    (
        {"dataframe_records": [{}]},
        [(f"dataframe_records.{n}", "missing_field") for n in ["age", "sex", "fare", "city"]],
    ),
    ({"instances": []}, [("instances", "missing_field")]),
    ({"instances": [RECORDS[0], ROW]}, [("instances[1]", "not_an_object")]),
    ({"inputs": 3}, [("inputs", "neither_object_nor_list")]),
    ({"inputs": [1, 2]}, [("inputs[0]", "neither_object_nor_list")]),
    ({"inputs": {}}, [("inputs", "missing_field")]),
    ({"inputs": {**RECORDS[0], "age": [1]}}, [(f"inputs.{name}", "not_an_array") for name in NAMES[1:]]),
    ({"inputs": {name: [1, 2][: 1 + (name != "sex")] for name in NAMES}}, [("inputs.sex", "wrong_length")]),
]


@pytest.mark.parametrize(("body", "expected"), MALFORMED, ids=lambda value: str(value)[:60])
def test_a_malformed_body_is_refused_by_its_places(voyage: Model, body: Any, expected: list[tuple[str, str]]) -> None:
    response = ask(voyage, body)
    assert (response.status, places(response)) == (400, expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", [("rows", "missing_field")]),
        (b"age,fare,sex,city\n", [("rows", "missing_field")]),
        (b"age,fare,sex,city\n1,2\n", [("rows[0]", "wrong_size")]),
        (b"age,fare,sex,city\n1,2,3,4\n1,2,3,4,5\n", [("rows[1]", "wrong_size")]),
        (b"age,fare,sex,city,age\n1,2,3,4,5\n", [("rows.age", "repeated_name")]),
        (b"age,fare,sex\n1,2,3\n", [("rows.city", "missing_field")]),
        (b'age,fare,sex,city\n1,2,"3,4\n', [("$", "not_csv")]),
        (b"age,fare,sex,city\n1,2,\xff,4\n", [("$", "not_csv")]),
        (b"age,fare,sex,city\n1,2," + b"x" * 200_000 + b",4\n", [("$", "not_csv")]),
        (b"age,fare,sex,city\n" + b"1,2,3,4\n" * 100_001, [("rows", "too_many_rows")]),
    ],
    ids=lambda value: str(value)[:60],
)
def test_malformed_csv_is_refused_by_its_places(voyage: Model, text: bytes, expected: list[tuple[str, str]]) -> None:
    assert places(ask(voyage, text, "text/csv")) == expected


@pytest.mark.parametrize("row", ["[]", "{}", "[1]", '{"age":NaN}'])
@pytest.mark.parametrize("name", ["dataframe_records", "instances", "inputs"])
def test_rows_beyond_the_limit_cost_nothing(voyage: Model, name: str, row: str) -> None:
    body = f'{{"{name}":[{",".join([row] * 100_200)}]}}'.encode()
    tracemalloc.start()
    try:
        response = ask(voyage, body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert places(response) == [("$", "too_many_rows")]
    assert peak < len(body) + 100_000


def test_brackets_in_texts_are_no_rows(voyage: Model) -> None:
    row = {**RECORDS[0], "city": "[{" * 30_000}
    assert predictions(ask(voyage, {"inputs": [row]})) == labels(voyage, [row])


def test_any_number_of_columns_is_read_in_time(voyage: Model) -> None:
    names = [*NAMES, *map(str, range(50_000))]
    text = ",".join(names) + "\n39,7.25,male,東京" + "," * 50_000
    answer = json.loads(ask(voyage, text.encode(), "text/csv").content)
    assert answer["predictions"] == labels(voyage, RECORDS[:1])
    assert answer["warnings"][-1]["rule"] == "more_warnings"


@pytest.mark.parametrize(
    "kind",
    [
        None,
        "",
        "application/xml",
        "application/vnd.apache.parquet",
        "text/csv; charset=latin-1",
        "text/csv; header=maybe",
        "text/csv; label_size=0",
        "application/json; header=absent",
        "application/json; format=pandas-split",
    ],
)
def test_another_kind_of_body_is_415(voyage: Model, kind: str | None) -> None:
    response = ask(voyage, {"inputs": RECORDS}, kind)
    assert (response.status, json.loads(response.content)["error_code"]) == (415, "BAD_REQUEST")


def test_ping_and_version() -> None:
    assert invocations.ping(ready=True) == Response(b"\n", status=200)
    assert invocations.ping(ready=False).status == 503
    assert invocations.version().content.decode() == __version__


NUMBER = st.none() | st.floats(-1e6, 1e6) | st.integers(-(2**63), 2**63) | st.booleans()
TEXT = st.none() | st.sampled_from([*SEXES, *CITIES]) | st.text(max_size=5)


@given(rows=st.lists(st.tuples(NUMBER, NUMBER, TEXT, TEXT), min_size=1, max_size=5))
def test_rows_of_any_format_get_the_bits_that_predict_gives(voyage: Model, rows: list[Any]) -> None:
    records = [dict(zip(NAMES, row, strict=True)) for row in rows]
    expected = [[1 - p.probability, p.probability] for p in predicted(voyage, records).predictions]
    formats: dict[str, Any] = {
        "dataframe_split": {"columns": NAMES, "data": rows},
        "dataframe_records": records,
        "instances": records,
        "inputs": {name: [record[name] for record in records] for name in NAMES},
    }
    for name, content in formats.items():
        body = encode({name: content, "params": {"predict_method": "predict_proba"}})
        assert predictions(ask(voyage, body)) == expected


@given(body=st.binary(max_size=60), kind=st.sampled_from(["application/json", "text/csv", "text/csv; header=absent"]))
def test_no_bytes_whatever_are_more_than_refused(voyage: Model, body: bytes, kind: str) -> None:
    assert ask(voyage, body, kind).status in (200, 400)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=3), inner),
    max_leaves=8,
)


@given(body=st.dictionaries(st.sampled_from(["dataframe_split", "dataframe_records", "instances", "inputs"]), JSON))
def test_no_json_whatever_is_more_than_refused(voyage: Model, body: dict[str, Any]) -> None:
    assert ask(voyage, body).status in (200, 400)
