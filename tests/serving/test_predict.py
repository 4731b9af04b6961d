"""What the two hot routes answer, and what they warn of and refuse."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tabi.serving.places import MAX_PLACES, MAX_WARNINGS, PATH_LIMIT
from tabi.serving.settings import Limits
from tests.serving.conftest import ROW, Ask, Harbour, MakeWorker, asking

TOLD = "my-own-value"


def features(**row: Any) -> bytes:
    return json.dumps({"features": row}).encode()


def places(found: Any, field: str = "errors") -> list[tuple[str, str]]:
    return [(place["path"], place["rule"]) for place in found[field]]


def test_a_reply_names_label_probability_threshold_model_version_and_request(ask: Ask, harbour: Harbour) -> None:
    status, headers, reply = ask("POST", "/predict", features(**ROW))
    assert status == 200
    assert headers["content-type"] == "application/json"
    assert 0 < reply["probability"] < 1
    assert reply["label"] == ("yes" if reply["probability"] >= 0.4 else "no")
    assert (reply["threshold"], reply["model"], reply["version"]) == (0.4, "voyage", harbour.older)
    assert reply["request_id"] == headers["x-request-id"]
    assert reply["warnings"] == []


def test_both_labels_occur_and_follow_the_threshold(ask: Ask) -> None:
    rows = [{"age": age, "sex": "male"} for age in range(0, 100, 5)]
    predictions = ask("POST", "/predict_batch", json.dumps({"rows": rows}).encode())[2]["predictions"]
    assert {p["label"] for p in predictions} == {"yes", "no"}
    assert all(p["label"] == ("yes" if p["probability"] >= 0.4 else "no") for p in predictions)


def test_the_probability_is_the_fitted_pipelines(ask: Ask) -> None:
    from threadpoolctl import threadpool_limits

    from tabi.data import frame_of
    from tests.serving.conftest import contract, native, table

    tensors, _ = table(9)
    rows = [
        {"age": age, "fare": fare, "sex": sex or None, "city": city or None}
        for (age, fare), (sex, city) in zip(tensors.numeric.tolist(), tensors.categorical.tolist(), strict=True)
    ]
    body = re.sub("NaN", "null", json.dumps({"rows": rows})).encode()
    found = [p["probability"] for p in ask("POST", "/predict_batch", body)[2]["predictions"]]
    with threadpool_limits(1):
        expected = native(1).predict_proba(frame_of(tensors, contract()))[:, 1]
    assert found == pytest.approx(expected, abs=1e-9)


def test_a_batch_of_no_rows_has_no_predictions(ask: Ask) -> None:
    status, _, reply = ask("POST", "/predict_batch", b'{"rows":[]}')
    assert (status, reply["predictions"], reply["warnings"]) == (200, [], [])


def test_absent_null_and_empty_are_the_same_missing_value_without_a_warning(ask: Ask) -> None:
    replies = [
        ask("POST", "/predict", body)[2]
        for body in (features(age=30), features(age=30, sex=None, fare=None), features(age=30, sex="", fare=""))
    ]
    assert len({reply["probability"] for reply in replies}) == 1
    assert [reply["warnings"] for reply in replies] == [[], [], []]


def test_a_number_as_text_is_that_number(ask: Ask) -> None:
    as_number, as_text = (ask("POST", "/predict", features(**{**ROW, "age": age}))[2] for age in (39.5, "39.5"))
    assert as_text["probability"] == as_number["probability"]
    assert as_text["warnings"] == []


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("age", "forty", "not_a_number"),
        ("age", "1e400", "not_finite"),
        ("age", -1, "below_minimum"),
        ("age", 121, "above_maximum"),
        ("sex", TOLD, "unknown_category"),
        ("city", 12, "unknown_category"),
        ("harbour", TOLD, "unknown_column"),
        ("harbour", 10**400, "unknown_column"),
    ],
)
def test_what_a_lenient_contract_lets_pass_is_told_with_its_place_but_never_its_value(
    ask: Ask, column: str, value: object, rule: str
) -> None:
    status, _, reply = ask("POST", "/predict", features(**{**ROW, column: value}))
    assert status == 200
    assert places(reply, "warnings") == [(f"features.{column}", rule)]
    assert str(value) not in json.dumps(reply["warnings"])


def test_the_warnings_of_a_batch_name_the_row(ask: Ask) -> None:
    body = json.dumps({"rows": [ROW, {"age": "x", "zone": 1}, {"sex": "other"}]}).encode()
    assert places(ask("POST", "/predict_batch", body)[2], "warnings") == [
        ("rows[1].age", "not_a_number"),
        ("rows[1].zone", "unknown_column"),
        ("rows[2].sex", "unknown_category"),
    ]


@pytest.mark.parametrize("name", ['"columns"', '"\\u0063olumns"'])
def test_where_rows_stand_by_column_the_places_are_there_too(ask: Ask, ask_strict: Ask, name: str) -> None:
    body = b'{%b:{"age":[1,"x"],"zone":[1,2]}}' % name.encode()
    expected = [
        ("columns.zone[0]", "unknown_column"),
        ("columns.age[1]", "not_a_number"),
        ("columns.zone[1]", "unknown_column"),
    ]
    assert places(ask("POST", "/predict_batch", body)[2], "warnings") == expected
    assert places(ask_strict("POST", "/predict_batch", body)[2]) == expected


def test_warnings_say_when_they_are_not_all(ask: Ask) -> None:
    body = json.dumps({"rows": [{"sex": "other"}] * (MAX_WARNINGS + 1)}).encode()
    reply = ask("POST", "/predict_batch", body)[2]
    assert len(reply["predictions"]) == MAX_WARNINGS + 1
    assert len(reply["warnings"]) == MAX_WARNINGS + 1
    assert places(reply, "warnings")[-1] == ("$", "more_warnings")


BODIES: list[tuple[str, bytes, list[tuple[str, str]]]] = [
    ("/predict", b"", [("$", "not_json")]),
    ("/predict", b"{", [("$", "not_json")]),
    ("/predict", b'{"features":{}} x', [("$", "not_json")]),
    ("/predict", b'\xef\xbb\xbf{"features":{}}', [("$", "not_json")]),
    ("/predict", b'{"features":{"sex":"\xff"}}', [("$", "not_json")]),
    ("/predict", b'{"features":{"sex":"\\ud800"}}', [("$", "not_json")]),
    ("/predict", b'{"\\ud800":1}', [("\ufffd", "unknown_field"), ("features", "missing_field")]),
    ("/predict", b'{"features":{"age":NaN}}', [("features.age", "not_finite")]),
    ("/predict", b'{"features":{"age":-Infinity}}', [("features.age", "not_finite")]),
    ("/predict", b'{"features":{"age":1e400}}', [("features.age", "not_finite")]),
    ("/predict", b'{"features":{"zone":1e400}}', [("features.zone", "not_finite")]),
    ("/predict", b'{"features":{"age":1' + b"0" * 400 + b"}}", [("features.age", "not_finite")]),
    ("/predict", b'{"features":{"age":-1' + b"0" * 9000 + b"}}", [("features.age", "not_finite")]),
    ("/predict", b"[]", [("$", "not_an_object")]),
    ("/predict", b"[1]", [("$", "not_an_object")]),
    ("/predict", b"1", [("$", "not_an_object")]),
    ("/predict", b'"text"', [("$", "not_an_object")]),
    ("/predict", b"{}", [("features", "missing_field")]),
    ("/predict", b'{"features":null}', [("features", "not_an_object")]),
    ("/predict", b'{"features":[]}', [("features", "not_an_object")]),
    ("/predict", b'{"features":{"age":[1]}}', [("features.age", "not_a_scalar")]),
    (
        "/predict",
        b'{"features":{"age":{},"sex":[]}}',
        [("features.age", "not_a_scalar"), ("features.sex", "not_a_scalar")],
    ),
    ("/predict", b'{"features":{},"rows":[]}', [("rows", "unknown_field")]),
    ("/predict", b'{"features":{"age":1,"sex":"male","age":2}}', [("features.age", "repeated_name")]),
    ("/predict", b'{"features":{"a:b":"::","age":1,"age":2}}', [("features.age", "repeated_name")]),
    ("/predict", b'{"features":{"age":1,"\\u0061ge":2}}', [("features.age", "repeated_name")]),
    ("/predict", b'{"features":{},"features":{}}', [("features", "repeated_name")]),
    ("/predict", b"[" * 100_000, [("$", "wrong_shape")]),
    ("/predict", b'{"features":' + b"[" * 100_000 + b"]" * 100_000 + b"}", [("features", "wrong_shape")]),
    ("/predict", b'{"a":' * 100_000 + b"1" + b"}" * 100_000, [("$", "wrong_shape")]),
    ("/predict", b'{"features":{"age":' + b'{"a":' * 100_000, [("features[...]", "wrong_shape")]),
    ("/predict_batch", b"null", [("$", "not_an_object")]),
    ("/predict_batch", b'{"rows":{}}', [("rows", "not_an_array")]),
    ("/predict_batch", b'{"rows":3}', [("rows", "not_an_array")]),
    ("/predict_batch", b'{"rows":[{},null,[]]}', [("rows[1]", "not_an_object"), ("rows[2]", "not_an_object")]),
    ("/predict_batch", b'{"rows":[{},{"age":[]}]}', [("rows[1].age", "not_a_scalar")]),
    ("/predict_batch", b'{"rows":[{},{"age":1,"age":1}]}', [("rows[1].age", "repeated_name")]),
    ("/predict_batch", b'{"rows":[{"age":1' + b"0" * 400 + b"}]}", [("rows[0].age", "not_finite")]),
    ("/predict_batch", b'{"features":{}}', [("features", "unknown_field"), ("rows", "missing_field")]),
    ("/predict_batch", b'{"rows":[' + b"{}," * 100_000 + b"{}]}", [("rows", "too_many_rows")]),
]


@pytest.mark.parametrize(("path", "body", "expected"), BODIES, ids=[f"{p} {b[:40]!r}" for p, b, _ in BODIES])
def test_a_body_that_does_not_fit_is_a_problem_that_names_each_place(
    ask: Ask, path: str, body: bytes, expected: list[tuple[str, str]]
) -> None:
    status, headers, problem = ask("POST", path, body)
    assert status == 422
    assert headers["content-type"] == "application/problem+json"
    assert places(problem) == expected
    assert problem["status"] == 422
    assert problem["request_id"] == headers["x-request-id"]
    assert "\n" not in problem["detail"]


def test_malformed_json_is_told_with_its_byte(ask: Ask) -> None:
    assert "at byte 16" in ask("POST", "/predict", b'{"features": {} z')[2]["detail"]


@pytest.mark.parametrize("path", ["/predict", "/predict_batch"])
@pytest.mark.parametrize(
    "body",
    [
        f'{{"features":"{TOLD}","rows":"{TOLD}"}}',
        f'{{"features":{{"age":["{TOLD}"]}},"rows":["{TOLD}"]}}',
        f'{{"features":{{"age":"{TOLD}',
        f'"{TOLD}"',
    ],
)
def test_no_value_of_a_refused_body_comes_back(ask: Ask, path: str, body: str) -> None:
    status, _, problem = ask("POST", path, body.encode())
    assert status == 422
    assert TOLD not in json.dumps(problem)


def test_a_body_wrong_in_many_places_is_told_in_bounded_length(ask: Ask) -> None:
    body = json.dumps({"rows": [{"x" * 10_000: []}] + [[]] * 1000}).encode()
    problem = ask("POST", "/predict_batch", body)[2]
    assert len(problem["errors"]) == MAX_PLACES
    assert max(len(path) for path, _ in places(problem)) == PATH_LIMIT
    assert len(problem["detail"]) < 400


def test_a_large_body_is_told_by_the_decoders_own_words(ask: Ask) -> None:
    body = b'{"rows":[{},' + b" " * 1_100_000 + b"[]]}"
    assert places(ask("POST", "/predict_batch", body)[2]) == [("rows[1]", "wrong_shape")]
    body = b'{"rows":[{"age":1,' + b" " * 1_100_000 + b'"age":2}]}'
    assert places(ask("POST", "/predict_batch", body)[2]) == [("$", "repeated_name")]


def test_colons_in_values_do_not_make_a_repeated_name(ask: Ask) -> None:
    assert ask("POST", "/predict", features(age=1, sex="a:b", city=":::"))[0] == 200


def test_a_body_over_the_limit_is_refused(ask: Ask) -> None:
    status, headers, problem = ask("POST", "/predict", b" " * (Limits().row_body + 1))
    assert (status, problem["status"], headers["content-type"]) == (413, 413, "application/problem+json")


@pytest.mark.parametrize("path", ["/predict", "/predict_batch"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
def test_another_method_of_a_hot_route_is_405(ask: Ask, method: str, path: str) -> None:
    status, headers, problem = ask(method, path)
    assert (status, problem["status"], headers["allow"]) == (405, 405, "POST")
    assert headers["content-type"] == "application/problem+json"


@pytest.fixture
def ask_strict(harbour: Harbour, make_worker: MakeWorker) -> Ask:
    return asking(make_worker(harbour.store, "strict"))


def test_a_strict_contract_refuses_what_a_lenient_one_warns_of(ask_strict: Ask) -> None:
    assert ask_strict("POST", "/predict", features(**ROW))[0] == 200
    row = {"age": "forty", "sex": TOLD, "harbour": 1}
    status, headers, problem = ask_strict("POST", "/predict", features(**row))
    assert (status, headers["content-type"]) == (422, "application/problem+json")
    assert places(problem) == [
        ("features.age", "not_a_number"),
        ("features.sex", "unknown_category"),
        ("features.harbour", "unknown_column"),
    ]
    assert TOLD not in json.dumps(problem)
    assert places(ask_strict("POST", "/predict_batch", b'{"rows":[{"age":1},{}]}')[2]) == [("rows[1].age", "missing")]


@pytest.fixture
def ask_linear(harbour: Harbour, make_worker: MakeWorker) -> Ask:
    return asking(make_worker(harbour.store, "linear"))


def test_a_row_whose_numbers_overflow_in_the_model_is_refused_by_its_place(ask_linear: Ask) -> None:
    # one column pulls to minus infinity, the other to plus
    row = {"age": 1e308, "fare": 1e308}
    status, _, problem = ask_linear("POST", "/predict", features(**row))
    assert (status, places(problem)) == (422, [("features", "no_probability")])
    body = json.dumps({"rows": [ROW, row, ROW]}).encode()
    status, _, problem = ask_linear("POST", "/predict_batch", body)
    assert (status, places(problem)) == (422, [("rows[1]", "no_probability")])


def test_a_request_id_that_a_log_can_hold_is_kept(ask: Ask) -> None:
    for sane in ("a", "7f-3", "Root:1.2_3", "x" * 128):
        status, headers, reply = ask("POST", "/predict", features(**ROW), {"X-Request-ID": sane})
        assert (status, headers["x-request-id"], reply["request_id"]) == (200, sane, sane)
        assert ask("GET", "/health", None, {"X-Request-ID": sane})[1]["x-request-id"] == sane
        assert ask("GET", "/nowhere", None, {"X-Request-ID": sane})[2]["request_id"] == sane


def test_any_other_request_id_is_replaced(ask: Ask) -> None:
    for other in ("", "x" * 129, "a b", 'a"b', "a\tb", "é".encode()):
        headers = ask("POST", "/predict", features(**ROW), [("X-Request-ID", other)])[1]
        assert re.fullmatch("[0-9a-f]{32}", headers["x-request-id"])
