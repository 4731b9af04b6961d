"""What is read off a request's headers."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabi.serving.http.heads import media_type, new_request_id, read_head

HOST = (b"host", b"tabi")


@pytest.mark.parametrize("name", [b"expect", b"upgrade", b"transfer-encoding", b"origin", b"content-encoding"])
def test_a_request_that_asks_for_more_is_not_plain(name: bytes) -> None:
    assert read_head([HOST]).plain
    assert not read_head([HOST, (name, b"x")]).plain


def test_a_request_of_no_host_or_two_is_not_plain() -> None:
    assert not read_head([]).plain
    assert not read_head([HOST, HOST]).plain


@pytest.mark.parametrize(("value", "length"), [(b"5", 5), (b"5 ", 5), (b"0", 0), (b"0" * 19 + b"7", -1)])
def test_a_length_is_read_if_it_is_short(value: bytes, length: int) -> None:
    assert read_head([HOST, (b"content-length", value)]).length == length


def test_a_media_type_is_read_without_case_and_parameters() -> None:
    for value in (b"application/json", b"Application/JSON", b" application/json ; charset=utf-8"):
        assert media_type(value) == b"application/json"


@given(st.binary(max_size=200))
def test_an_id_that_is_kept_can_stand_in_a_header(value: bytes) -> None:
    kept = read_head([HOST, (b"x-request-id", value)]).request_id
    assert re.fullmatch(r"[A-Za-z0-9._:-]{1,128}", kept)
    assert kept == value.decode("latin-1") or re.fullmatch("[0-9a-f]{32}", kept)


def test_new_ids_differ() -> None:
    assert len({new_request_id() for _ in range(1000)}) == 1000
