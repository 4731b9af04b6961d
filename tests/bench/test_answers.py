"""Where an answer ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabi.bench.answers import FramingError, read_head

names = st.sampled_from(["X-A", "content-type", "Set-Cookie", "x-content-length-hint", "connection-id"])
words = st.text("abc close=;:0", max_size=12)
fields = st.lists(st.tuples(names, words), max_size=4)


@st.composite
def answers(draw: st.DrawFn) -> tuple[bytes, int, bytes, bool]:
    """An answer, and what it says: status, body, whether the connection ends."""
    status, body = draw(st.integers(100, 599)), draw(st.binary(max_size=40))
    closes = draw(st.booleans())
    length = draw(st.sampled_from(["content-length: ", "Content-Length:", "CONTENT-LENGTH:  "]))
    lines = [f"{name}: {value}" for name, value in draw(fields)]
    lines.append(f"{length}{len(body)}")
    lines += [draw(st.sampled_from(["Connection: close", "connection:close"]))] if closes else []
    head = "\r\n".join([f"HTTP/1.1 {status} Any words", *draw(st.permutations(lines))])
    return head.encode() + b"\r\n\r\n" + body, status, body, closes


@given(answers(), st.data())
def test_a_head_is_read_once_it_is_there_and_not_before(
    answer: tuple[bytes, int, bytes, bool], data: st.DataObject
) -> None:
    whole, status, body, closes = answer
    gap = whole.index(b"\r\n\r\n") + 4
    cut = data.draw(st.integers(0, gap - 1))
    assert read_head(whole[:cut]) is None
    for arrived in (whole[:gap], whole, bytearray(whole)):
        head = read_head(arrived)
        assert head is not None
        assert (head.status, head.end, head.closes) == (status, len(whole), closes)
        assert whole[head.body : head.end] == body


@pytest.mark.parametrize(
    "odd",
    [
        b"HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 2x0 OK\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
        b"no",
        b"HTTP/1.1 200" + b" " * 70_000,
    ],
)
def test_what_has_no_known_end_is_refused(odd: bytes) -> None:
    with pytest.raises(FramingError):
        read_head(odd)
