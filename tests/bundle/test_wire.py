"""The wire format as the package onnx writes and reads it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import AttributeProto, helper

from tabi.bundle.wire import fields_of, numbers, packed, parts, put, runs_of, texts, unpacked

INTS, NAME, KIND = 8, 1, 20
whole = st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(0, 300), max_size=50)


@given(whole)
def test_numbers_are_those_of_an_attribute_packed_or_not(given: list[int]) -> None:
    attribute = helper.make_attribute("of", given, attr_type=AttributeProto.INTS)
    assert numbers(attribute.SerializeToString(), INTS) == given
    written = put(NAME, "of") + put(INTS, packed(given)) + put(KIND, AttributeProto.INTS)
    assert numbers(written, INTS) == given
    assert unpacked(packed(given)).tolist() == given
    read = AttributeProto()
    read.ParseFromString(written)
    assert list(read.ints) == given


@given(whole, st.text(max_size=10))
def test_runs_hold_what_the_fields_hold(given: list[int], name: str) -> None:
    message = helper.make_attribute(name, given, attr_type=AttributeProto.INTS).SerializeToString()
    assert b"".join(field.whole for field in fields_of(message)) == message
    runs = [value if isinstance(value, bytes) else value.tolist() for _, value in runs_of(message)]
    assert runs == [name.encode(), *([given] if given else []), [AttributeProto.INTS]]
    assert texts(message, NAME) == [name]
    assert parts(message, INTS) == []


@given(whole, st.integers(1, 40))
def test_what_is_cut_off_is_told(given: list[int], by: int) -> None:
    message = helper.make_attribute("of", [*given, 1 << 40], attr_type=AttributeProto.INTS).SerializeToString()
    cut = message[: -min(by, len(message))]
    for read in (fields_of, runs_of):
        try:
            list(read(cut))
        except (IndexError, ValueError):
            continue
        # it was cut between two fields
        assert cut in {b"".join(field.whole for field in list(fields_of(message))[:i]) for i in range(len(message))}


@pytest.mark.parametrize("message", [b"\x08" + b"\xff" * 11 + b"\x01", b"\x0f", b"\x08", b"\x0a\x05ab", b"\x08\x80"])
def test_what_is_no_message_is_refused(message: bytes) -> None:
    for read in (fields_of, runs_of):
        with pytest.raises((ValueError, IndexError)):
            list(read(message))


@pytest.mark.parametrize("data", [b"\x80", b"\x01\xff", b"\xff" * 10 + b"\x01"])
def test_what_is_no_list_of_numbers_is_refused(data: bytes) -> None:
    with pytest.raises((ValueError, IndexError)):
        unpacked(data)
