"""What is feedback, where it is wrong, and when two pieces are the same."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tabi.contract import Target
from tabi.errors import RequestError
from tabi.predictions import FeedbackLine
from tabi.serving.feedback.bodies import lines_of, read_body, read_lines

BINARY = Target("arrived", ("no", "yes"))
NUMBER = Target("price", task="regression")
NOW = 1_790_000_000.0


def lines(body: Any, target: Target = BINARY) -> list[FeedbackLine]:
    return lines_of(read_body(json.dumps(body).encode(), 10), "voyage", target, NOW)


def places(body: bytes, target: Target = BINARY, ndjson: bool = False) -> tuple[tuple[str, str], ...]:
    with pytest.raises(RequestError) as refused:
        lines_of((read_lines if ndjson else read_body)(body, 2), "voyage", target, NOW)
    return refused.value.problems


def test_a_piece_has_what_was_said_and_else_the_present_moment() -> None:
    (found,) = lines({"request_id": "r", "row": 3, "label": "yes", "value": 2.5, "at": "2026-01-02T03:04:05+01:00"})
    assert (found.id, found.row, found.label, found.value, found.at) == ("r", 3, "yes", 2.5, 1767319445.0)
    (other,) = lines({"unit_id": "u", "label": "no"})
    assert (other.unit, other.row, other.at, other.time, other.value) == ("u", 0, NOW, NOW, None)


def test_a_label_is_the_class_whose_text_it_has_and_of_a_regression_a_number() -> None:
    digits = Target("digit", ("0", "1"))
    assert [lines({"request_id": "r", "label": label}, digits)[0].label for label in ("1", 1, 1.0)] == ["1"] * 3
    assert [lines({"request_id": "r", "label": label}, NUMBER)[0].label for label in ("1.5", 1.5, 2)] == [1.5, 1.5, 2.0]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"label": "yes"}, ("request_id", "missing_field")),
        ({"request_id": "r"}, ("label", "missing_field")),
        ({"request_id": "r", "unit_id": "u", "label": "yes"}, ("unit_id", "not_alone")),
        ({"request_id": "r", "label": "maybe"}, ("label", "unknown_class")),
        ({"request_id": "r" * 257, "label": "yes"}, ("request_id", "too_long")),
        ({"request_id": "r", "label": "yes", "at": "2999-01-01T00:00:00Z"}, ("at", "in_the_future")),
        ({"request_id": "r", "label": "yes", "at": "2026-01-01T00:00:00"}, ("at", "wrong_shape")),
        ({"request_id": "r", "label": "yes", "row": -1}, ("row", "wrong_shape")),
        ({"request_id": "r", "label": "yes", "lable": 1}, ("lable", "unknown_field")),
        ({"request_id": "r", "label": ["yes"]}, ("label", "wrong_shape")),
        ("yes", ("$", "wrong_shape")),
    ],
)
def test_each_fault_names_its_place(body: Any, expected: tuple[str, str]) -> None:
    assert places(json.dumps(body).encode()) == (expected,)


def test_a_fault_among_many_names_its_piece_and_no_value() -> None:
    many = [{"request_id": "r", "label": "yes"}, {"request_id": "r", "label": "secret"}]
    assert places(json.dumps(many).encode()) == (("[1].label", "unknown_class"),)
    as_lines = b"\n".join(json.dumps(each).encode() for each in many)
    assert places(as_lines, ndjson=True) == (("[1].label", "unknown_class"),)
    assert places(b'{"request_id":"r","label":"yes"}\n{"row":"x"}', ndjson=True) == (("[1].row", "wrong_shape"),)
    with pytest.raises(RequestError) as refused:
        lines(many)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("label", [True, "x", "nan", 1e999, ""])
def test_a_label_of_a_regression_is_a_finite_number(label: object) -> None:
    body = json.dumps({"request_id": "r", "label": label}).replace("Infinity", "1e999").encode()
    assert places(body, NUMBER)[0][0] in {"label", "$"}


@pytest.mark.parametrize("body", [b"", b"{", b"\xff"])
def test_what_is_no_json_is_told(body: bytes) -> None:
    assert places(body) == (("$", "not_json"),)


def test_more_pieces_than_the_limit_are_refused() -> None:
    piece = b'{"request_id":"r","label":"yes"}'
    assert places(b"[%b]" % b",".join([piece] * 3)) == (("$", "too_many_rows"),)
    assert places(b"\n".join([piece] * 3), ndjson=True) == (("$", "too_many_rows"),)


def test_the_same_content_is_the_same_piece_and_an_id_decides_where_there_is_one() -> None:
    one = lines({"request_id": "r", "label": "yes"})[0]
    assert one.key == lines({"label": "yes", "request_id": "r", "row": 0})[0].key
    others = [
        {"request_id": "s", "label": "yes"},
        {"request_id": "r", "label": "no"},
        {"request_id": "r", "row": 1, "label": "yes"},
        {"unit_id": "r", "label": "yes"},
        {"request_id": "r", "label": "yes", "value": 0.0},
        {"request_id": "r", "label": "yes", "at": "2026-01-01T00:00:00Z"},
        {"request_id": "r", "label": "yes", "id": "k"},
    ]
    assert len({one.key, *(lines(other)[0].key for other in others)}) == len(others) + 1
    assert lines({"request_id": "s", "label": "no", "id": "k"})[0].key == "k"
