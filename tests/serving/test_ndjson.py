"""Rows as lines: answered while the rest arrives, and a line that is wrong stops no other."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tabi.serving.settings import Limits
from tests.serving.conftest import CITIES, ROW, SEXES, Ask, Harbour, MakeWorker, Server, asking
from tests.serving.http.raw import Raw, request

KIND = {"Content-Type": "application/x-ndjson"}
HEAD = request(
    target="/predict_batch",
    headers=("Content-Type: application/x-ndjson", "Transfer-Encoding: chunked"),
    body=b"",
    length=False,
)


def answers(content: bytes) -> list[Any]:
    return [json.loads(line) for line in content.splitlines()]


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def test_each_line_has_its_answer_and_the_first_names_the_version(ask: Ask, harbour: Harbour) -> None:
    rows = [ROW, {"age": "x"}, {}]
    body = b"\n".join(json.dumps(row).encode() for row in rows)
    status, headers, content = ask("POST", "/predict_batch", body, KIND)
    assert (status, headers["content-type"]) == (200, "application/x-ndjson")
    found = answers(content)
    assert [each["row"] for each in found] == [0, 1, 2]
    assert found[0]["version"] == harbour.older
    assert "version" not in found[1]
    assert [(place["path"], place["rule"]) for place in found[1]["warnings"]] == [("age", "not_a_number")]


def test_a_line_that_is_wrong_stops_no_other(ask: Ask) -> None:
    lines = [json.dumps(ROW), "{", "", '{"age":[]}', "null", '{"a":1,"a":2}', '{"age":1e400}', "\r", json.dumps(ROW)]
    found = answers(ask("POST", "/predict_batch", "\n".join(lines).encode(), KIND)[2])
    assert [each["row"] for each in found] == list(range(7))
    assert ["errors" in each for each in found] == [False, True, True, True, True, True, False]
    assert [place["rule"] for each in found[1:6] for place in each["errors"]] == [
        "not_json",
        "not_a_scalar",
        "not_an_object",
        "repeated_name",
        "not_finite",
    ]
    assert found[0]["probability"] == found[6]["probability"]


def test_rows_that_the_contract_refuses_are_refused_alone(harbour: Harbour, make_worker: MakeWorker) -> None:
    ask = asking(make_worker(harbour.store, "strict"))
    many = {f"c{index}": 1 for index in range(1000)}
    body = "\n".join(json.dumps(row) for row in (ROW, {**ROW, "sex": "told"}, {**ROW, **many}, ROW)).encode()
    content = ask("POST", "/predict_batch", body, KIND)[2]
    found = answers(content)
    assert ["errors" in each for each in found] == [False, True, True, False]
    assert [(place["path"], place["rule"]) for place in found[1]["errors"]] == [("sex", "unknown_category")]
    assert len(found[2]["errors"]) == 100
    assert b"told" not in content


def test_a_line_without_an_end_is_refused_and_ends_the_answer(ask: Ask) -> None:
    body = json.dumps(ROW).encode() + b"\n" + b" " * (Limits().row_body + 100_000) + b"\n{}\n"
    found = answers(ask("POST", "/predict_batch", body, KIND)[2])
    assert "probability" in found[0]
    assert [place["rule"] for place in found[1]["errors"]] == ["too_long"]


def test_no_lines_have_no_answers(ask: Ask) -> None:
    for body in (b"", b"\n", b" \n\r\n\n"):
        assert ask("POST", "/predict_batch", body, KIND)[2] == b""


def test_without_a_model_lines_are_503(harbour: Harbour, make_worker: MakeWorker) -> None:
    status, headers, _ = asking(make_worker(harbour.store, "voyage", load=False))(
        "POST", "/predict_batch", b"{}\n", KIND
    )
    assert (status, headers["content-type"]) == (503, "application/problem+json")


def test_answers_come_before_the_body_ends(server: Server) -> None:
    with Raw(server) as raw:
        raw.send(HEAD + chunk(b"{}\n"))
        assert raw.head()[0] == 200
        assert json.loads(raw.part())["row"] == 0
        raw.send(chunk(b'{"age":') + chunk(b"3}\n{}\n"))
        assert [each["row"] for each in answers(raw.part())] == [1, 2]
        raw.send(chunk(b"{}") + b"0\r\n\r\n")
        assert json.loads(raw.part())["row"] == 3
        assert raw.part() == b""
        # and the connection is of use again
        after = raw.send(request()).answer()
    assert after is not None
    assert after.status == 200


rows = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "age": st.integers(0, 100) | st.floats(allow_nan=False, allow_infinity=False),
            "sex": st.sampled_from(SEXES) | st.text(max_size=3),
            "city": st.sampled_from(CITIES) | st.none(),
            "zone": st.booleans(),
        },
    ),
    max_size=20,
)


@given(rows, st.lists(st.integers(1, 400), max_size=10))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_lines_cut_anywhere_are_answered_as_the_rows_are(server: Server, batch: list[Any], cuts: list[int]) -> None:
    body = b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in batch)
    with Raw(server) as raw:
        whole = raw.send(request(target="/predict_batch", body=json.dumps({"rows": batch}).encode())).answer()
        pieces, start = [], 0
        for cut in [*cuts, len(body)]:
            pieces.append(body[start : start + cut])
            start += cut
        raw.send(HEAD + b"".join(chunk(piece) for piece in pieces if piece) + b"0\r\n\r\n")
        lines = raw.answer()
    assert whole is not None
    assert lines is not None
    found = answers(lines.body)
    assert [(each["label"], each["probability"]) for each in found] == [
        (each["label"], each["probability"]) for each in whole.json()["predictions"]
    ]
    told = [f"rows[{each['row']}].{place['path']}" for each in found for place in each.get("warnings", [])]
    assert told == [place["path"] for place in whole.json()["warnings"]]
